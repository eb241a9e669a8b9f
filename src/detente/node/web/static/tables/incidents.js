// Incidents: both accounts side by side; none stands for the other.

import { html } from "../html.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, by, listed, part, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

const LEVEL = /** @type {Record<string, "good" | "warn" | "bad" | "">} */ ({ agreed: "good", open: "warn", disputed: "warn" });

/** @param {Row} view */
export const incidents = (view) => part("incidents", t("table.incidents"), listed(view.incidents, incident, t("table.none")), view.incidents.length);

/** @param {Row} row */
function incident(row) {
  const fixed = { incident: row.incident };
  const about = `${row.incident} ${row.title}`;
  return html`<article key=${row.incident} class="thing" data-incident=${row.incident}><h3>${code(row.incident)} ${others(row.title)} ${stateBadge(word("incident", row.status), LEVEL[row.status] ?? "")}</h3>
    <p class="small">${t("table.happened")} ${at(row.happened_ms)} · ${t("table.opened")} ${by(row.opened_by, "", row.opened_at_ms)} ${row.alert && code(row.alert)}</p>
    ${row.draft && html`<p class="small muted">${t("table.draft")}</p>${words(row.draft)}`}
    ${accounts(row)}
    ${row.evidence.length > 0 && html`<ul class="small">${row.evidence.map((/** @type {string[]} */ [subject, who]) => html`<li key=${subject}>${t("table.evidence")} ${code(subject)} ${party(who)}</li>`)}</ul>`}
    ${actRow([{ act: "incident.account", fixed, about }, { act: "incident.find", fixed, about, values: { finding: "agreed" }, shown: { whole: accounts(row) } }])}</article>`;
}

/** What each side says, beside the other. @param {Row} row */
const accounts = (row) => html`<div class="sides">${row.halves.map((/** @type {Row} */ half) => html`<div key=${half.party} class="side"><p>${party(half.party)} ${half.categories.map((/** @type {string} */ c) => html`<span key=${c} class="badge">${code(c)}</span> `)}${half.severity && code(half.severity)}</p>
      ${half.accounts.length === 0 && html`<p class="muted">${t("table.no_account")}</p>`}
      ${half.accounts.map((/** @type {any[]} */ [ms, seat, text], /** @type {number} */ k) => html`<div key=${k} class=${k < half.accounts.length - 1 ? "earlier" : ""}><p class="small">${word("role", seat)} ${at(ms)}</p>${words(text)}</div>`)}
      ${half.attribution && html`<p class="small">${t("table.attribution")} ${others(half.attribution)}</p>`}
      ${half.finding && html`<p><b>${word("finding", half.finding)}</b></p>${words(half.finding_words)}`}</div>`)}</div>`;
