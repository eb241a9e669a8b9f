// The arrangement: what state it is in, by whose note, what flows and what has stopped; and who sits here.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { party } from "../words.js";
import { at, by, digest, part, parties, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

export const LEVEL = /** @type {Record<string, "good" | "warn" | "bad">} */ ({ in_force: "good", safety_of_life: "warn", suspended: "warn", terminated: "bad" });
const NARROWER = ["safety_of_life", "suspended", "terminated"];

/** @param {Row} view */
export function arrangement(view) {
  const row = view.arrangement;
  const narrower = NARROWER.slice(NARROWER.indexOf(row.state) + 1);
  const acts = row.state === "terminated" ? [] : [{ act: "arrangement.narrow", values: { to: narrower[0] ?? "terminated" } }, ...(row.state === "in_force" ? [] : [{ act: "arrangement.resume" }])];
  return part("arrangement", t("table.arrangement"), html`
    <p>${stateBadge(word("arrangement", row.state), LEVEL[row.state])} ${row.since_ms !== null && html`${t("table.since")} ${at(row.since_ms)} ${party(row.by)}`}</p>
    <p><span class="muted">${t("table.flows")}</span> ${row.flows.map((/** @type {string} */ f) => html`<span key=${f} class="badge good">${word("flow", f)}</span> `)}</p>
    ${row.stopped.length > 0 && html`<p><span class="muted">${t("table.stopped")}</span> ${row.stopped.map((/** @type {string} */ f) => html`<span key=${f} class="badge warn">${word("flow", f)}</span> `)}</p>`}
    ${row.resume_agreed_by.length > 0 && html`<p>${t("table.resume_agreed_by")} ${parties(row.resume_agreed_by)}</p>`}
    ${row.notes.map((/** @type {Row} */ note, /** @type {number} */ k) => html`<div key=${k} class="note">${by(note.party, note.seat, note.at_ms)} <b>${word("arrangement", note.to)}</b>${words(note.note)}</div>`)}
    <details><summary>${t("table.agreement")}</summary>${words(view.agreement)}${digest(view.charter)}</details>
    <p class="small"><span class="muted">${t("table.signers")}</span> ${view.signers.map((/** @type {string} */ seat) => word("role", seat)).join(", ")}</p>
    ${state.session.role && actRow(acts)}`);
}
