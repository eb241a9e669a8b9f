// Reports: what was shared, whose it is, each party's grade beside the other's, and what nobody filled in.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { stampOf } from "../format.js";
import { code, others, party } from "../words.js";
import { at, by, listed, part, parties, stateBadge, words } from "./pieces.js";
import { cell } from "./cell.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

/** @param {Row} view */
export const reports = (view) => part("reports", t("table.reports"), html`${actRow([share(), { act: "report.ask_consent" }])}${listed(view.reports, report, t("table.none"))}
  ${view.consents.map((/** @type {Row} */ row) => html`<p key=${`${row.originator} ${row.material}`} class="note">${t("table.consent")} ${party(row.originator)} ${code(row.material)} <b>${word("consent", row.state)}</b> ${parties(row.asked_by)} ${row.words && others(row.words)}</p>
    ${row.originator === state.board?.party && actRow([{ act: "report.consent", fixed: { material: row.material }, about: row.material }])}`)}`, view.reports.length);

/** One of our own: graded as what cannot be judged, and kept here, until somebody says otherwise. */
const share = () => ({ act: "report.share", fixed: { originator: state.board?.party }, values: { about: "general", observed: stampOf(nodeNow()), hours: "24", source: "F", item: "6", tlp: "amber_strict" } });

/** @param {Row} row */
function report(row) {
  return html`<article key=${row.report} class="thing" data-report=${row.report}><h3>${code(row.report)} ${others(row.title)} <span class="badge" data-marking>${code(row.marking)}</span> ${row.stale && stateBadge(t("table.stale"), "warn")} ${row.withdrawn && stateBadge(t("table.withdrawn"), "warn")} ${row.consent_withdrawn && stateBadge(t("table.consent_withdrawn"), "warn")}</h3>
    <p class="small">${by(row.by, row.seat, row.shared_at_ms)} · ${t("table.observed")} ${at(row.observed_ms)} · ${t("table.valid_until")} ${at(row.valid_until_ms)}</p>
    ${words(row.words)}${row.withdrawn && words(row.withdrawn)}
    <p class="small"><span class="muted">${t("table.about")}</span> ${word("about", row.about)} · ${code(row.kind)} · <span class="muted">${t("table.originator")}</span> ${party(row.originator)} ${row.material && code(row.material)} · ${cell(row.area, row.point)}</p>
    ${row.replaced_by && html`<p class="text-caution">${t("table.replaced_by")} ${code(row.replaced_by)}</p>`}
    ${row.may_pass_to.length > 0 && html`<p class="small">${t("table.may_pass_to")} ${parties(row.may_pass_to)}</p>`}
    <div class="sides">${Object.entries(row.grades).map(([who, [grade, why]]) => html`<div key=${who} class="side"><p>${party(who)} <b>${code(grade, "big")}</b></p>${why && words(why)}</div>`)}</div>
    <ul class="small">${row.provenance.map((/** @type {any[]} */ [link, name, ms], /** @type {number} */ k) => html`<li key=${k}>${word("chain", link)}: ${name === null ? html`<span class="text-caution">${t("table.not_said")}</span>` : others(name)} ${ms === null ? "" : at(ms)}</li>`)}</ul>
    ${row.missing.length > 0 && html`<p class="text-caution small">${t("table.provenance_missing")} ${row.missing.map((/** @type {string} */ m) => others(m, "en"))}</p>`}
    ${row.by !== state.board?.party && actRow([{ act: "report.grade", fixed: { report: row.report }, about: row.title, values: { source: "F", item: "6" } }])}
    ${row.by === state.board?.party && !row.withdrawn && actRow([{ act: "report.withdraw", fixed: { report: row.report }, about: row.title }])}</article>`;
}
