// What was said and what was done on one line of time, each with its source and hedge. The reader concludes.

import { html } from "../html.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, listed, part } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

/** @param {Row} view */
export const wordsAndConduct = (view) => part("timeline", t("table.timeline"), listed([...view.timeline].reverse(), entry, t("table.none")), view.timeline.length);

/** @param {Row} row */
function entry(row) {
  return html`<div key=${row.entry} class=${`note entry-${row.kind}`}><p>${at(row.at_ms)} <b>${word("kind", row.kind)}</b> ${word("hedge", row.hedge)}${row.who === null ? "" : html` · ${others(row.who)}`}${row.outlet && html` · ${others(row.outlet)}`}${row.republisher && html` · ${others(row.republisher)}`}</p>
    <p class="written">${row.quoted ? html`<q>${others(row.words)}</q>` : others(row.words)}</p>
    ${row.missing.length > 0 && html`<p class="small text-caution">${t("table.provenance_missing")} ${row.missing.map((/** @type {string} */ m) => others(m, "en"))}</p>`}
    <p class="small">${code(row.entry)} ${t("table.put_by")} ${party(row.by)} ${row.about.map((/** @type {string} */ name) => code(name))}</p>
    ${row.comments.map((/** @type {string[]} */ [who, text], /** @type {number} */ k) => html`<p key=${k} class="side">${party(who)} ${others(text)}</p>`)}
    ${actRow([{ act: "ledger.comment", fixed: { entry: row.entry }, about: row.words }])}</div>`;
}
