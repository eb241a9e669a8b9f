// What must not pass unseen: a party that told members different things, with the proof; and statements that changed nothing.

import { html } from "../html.js";
import { t } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, listed, part } from "./pieces.js";

/** @typedef {Record<string, any>} Row */

/** @param {Row} view */
export function trouble(view) {
  return html`${view.contradictions.length > 0 && part("contradictions", t("table.contradictions"), html`<p class="text-alarm">${t("table.contradictions_what")}</p>
      ${view.contradictions.map((/** @type {any[]} */ [who, n, ours, other, told], /** @type {number} */ k) => html`<div key=${k} class="note bad-edge"><p>${party(who)} ${code(`${who}-${n}`)}</p>
        <p>${t("table.we_hold")} ${code(ours, "whole")}</p><p>${party(told)} ${t("table.they_hold")} ${code(other, "whole")}</p></div>`)}`, view.contradictions.length)}
    ${view.brief.waiting > 0 && html`<p class="text-caution">${t("table.waiting", { n: view.brief.waiting })}</p>`}`;
}

/** @param {Row} view */
export const refusals = (view) => part("refusals", t("table.refusals"), listed([...view.refusals].reverse(), ([name, ms, who, act, rule, reason]) => html`<div key=${name} class="note"><p>${code(name)} ${at(ms)} ${code(who)} ${code(act)}</p><p class="text-warning">${others(reason, "en")} ${code(rule)}</p></div>`, t("table.no_refusals")), view.refusals.length);
