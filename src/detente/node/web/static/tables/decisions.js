// What was decided at summits: each party's part of each decision, by when, what is claimed, confirmed and disputed.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, by, listed, part, parties, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

const LEVEL = /** @type {Record<string, "good" | "warn" | "bad" | "">} */ ({ confirmed: "good", claimed_done: "warn", disputed: "warn" });

/** @param {Row} view */
export const decisions = (view) => part("decisions", t("table.decisions"), listed(view.summits, summit, t("table.none")), view.summits.length);

/** @param {Row} row */
function summit(row) {
  const own = state.board?.party;
  return html`<article key=${row.summit} class="thing"><h3>${code(row.summit)} ${others(row.title)}</h3>
    <p class="small">${others(row.place)} ${at(row.held_ms)} · ${by(row.by, "", null)}</p>
    <p class="small"><span class="muted">${t("table.adopted_by")}</span> ${parties(row.adopted_by)}</p>
    ${Object.entries(row.objections).map(([who, why]) => html`<p key=${who} class="text-caution">${party(who)} ${t("table.objects")} ${others(why)}</p>`)}
    ${row.by !== own && !row.adopted_by.includes(own) && actRow([{ act: "decision.adopt", fixed: { summit: row.summit }, about: row.title, shown: { whole: html`<ol>${row.decisions.map((/** @type {Row} */ d) => html`<li key=${d.decision}>${code(d.decision)} ${others(d.text)} ${d.parts.map((/** @type {Row} */ p) => html`<span key=${p.party}>${party(p.party)} ${at(p.due_ms)} </span>`)}</li>`)}</ol>` } }])}
    ${row.decisions.map((/** @type {Row} */ d) => html`<div key=${d.decision} class="note"><p>${code(d.decision)} ${others(d.text)} ${d.closed && stateBadge(t("table.closed"), "good")}</p>
      ${d.parts.map((/** @type {Row} */ p) => partOf(d, p))}</div>`)}</article>`;
}

/** @param {Row} decision @param {Row} row */
function partOf(decision, row) {
  const fixed = { summit: decision.summit, decision: decision.decision };
  const about = `${decision.decision} ${decision.text}`;
  const theirs = { ...fixed, party: row.party };
  const isOwn = row.party === state.board?.party;
  const acts = isOwn ? ownActs(row.state).map((act) => ({ act, fixed, about, values: act === "decision.assign" ? { seat: row.seat || "military", hours: "24" } : {} })) : theirActs(row).map((act) => ({ act, fixed: theirs, about, shown: { whole: html`<p>${party(row.party)} ${t("table.claimed")} ${at(row.claimed_at_ms)}</p>${words(row.claim)}` } }));
  return html`<div key=${row.party} class="side" data-part-of=${row.party}><p>${party(row.party)} ${row.seat && html`<span class="muted">${word("role", row.seat)}</span>`} ${stateBadge(word("part", row.state), LEVEL[row.state] ?? "")}${" "}
      ${row.due_ms !== null && html`${t("table.due")} ${at(row.due_ms)}`} ${row.overdue && html`<b class="badge warn">${t("table.overdue")}</b>`}</p>
    ${row.progress && words(row.progress)}
    ${row.claim && html`<p class="small">${t("table.claimed")} ${at(row.claimed_at_ms)}</p>${words(row.claim)}`}
    ${row.evidence.length > 0 && html`<ul class="small">${row.evidence.map((/** @type {string} */ e, /** @type {number} */ k) => html`<li key=${k}>${t("table.evidence")} ${others(e)}</li>`)}</ul>`}
    ${row.confirmed_by.length > 0 && html`<p class="small">${t("table.confirmed_by")} ${parties(row.confirmed_by)}</p>`}
    ${Object.entries(row.disputed_by).map(([who, why]) => html`<p key=${who} class="text-warning">${party(who)} ${t("table.disputes")} ${others(/** @type {string} */ (why))}</p>`)}
    ${actRow(acts)}</div>`;
}

/** @param {string} at */
const ownActs = (at) => /** @type {Record<string, string[]>} */ ({
  adopted: ["decision.assign"], assigned: ["decision.assign", "decision.progress", "decision.claim_done"], in_progress: ["decision.assign", "decision.progress", "decision.claim_done"],
  claimed_done: ["decision.claim_done"], disputed: ["decision.progress", "decision.claim_done"],
})[at] ?? [];

/** @param {Row} row */
const theirActs = (row) => (["claimed_done", "disputed"].includes(row.state) ? ["decision.confirm", "decision.dispute"] : []);
