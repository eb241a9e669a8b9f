// Differences that stand, in each side's own words, so that the rest can go on.

import { html } from "../html.js";
import { t } from "../i18n.js";
import { code, others, party } from "../words.js";
import { by, listed, part, parties, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

/** @param {Row} view */
export const differences = (view) => part("differences", t("table.differences"), html`${actRow([{ act: "difference.open" }])}${listed(view.differences, (row) => difference(row, view.brief.members), t("table.none"))}`, view.differences.length);

/** @param {Row} row @param {string[]} members */
function difference(row, members) {
  const fixed = { difference: row.difference };
  return html`<article key=${row.difference} class="thing"><h3>${code(row.difference)} ${others(row.title)} ${stateBadge(row.stands ? t("table.stands") : t("table.closed"), row.stands ? "warn" : "good")}</h3>
    <p class="small">${by(row.opened_by, "", row.opened_at_ms)} ${row.closed_by.length > 0 && html`· ${t("table.closed_by")} ${parties(row.closed_by)}`}</p>
    <div class="sides">${members.map((m) => html`<div key=${m} class="side"><p>${party(m)}</p>${row.words[m] === undefined ? html`<p class="muted">${t("table.no_words")}</p>` : words(row.words[m])}</div>`)}</div>
    ${row.stands && actRow([{ act: "difference.words", fixed, about: row.title }, { act: "difference.close", fixed, about: row.title }])}</article>`;
}
