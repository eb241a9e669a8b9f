// A ceasefire's terms, and claims that they were broken: alleged, until every party finds the same.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, by, listed, part, parties, stateBadge, words } from "./pieces.js";
import { cell } from "./cell.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

const LEVEL = /** @type {Record<string, "good" | "warn" | "bad" | "">} */ ({ alleged: "warn", alleged_and_answered: "warn", disputed: "warn", remedied: "good" });

/** @param {Row} view */
export const ceasefires = (view) => part("ceasefires", t("table.ceasefires"), listed(view.ceasefires, terms, t("table.none")), view.ceasefires.length);

/** @param {Row} row */
function terms(row) {
  const own = state.board?.party;
  return html`<article key=${row.terms} class="thing"><h3>${code(row.terms)} ${others(row.title)} ${stateBadge(row.in_force ? t("table.in_force") : t("table.not_in_force"), row.in_force ? "good" : "warn")}</h3>
    <p class="small">${by(row.by, "", null)} ${at(row.from_ms)} - ${row.until_ms === null ? t("table.open_end") : at(row.until_ms)} · <span class="muted">${t("table.agreed_by")}</span> ${parties(row.agreed_by)}</p>
    <ul class="small">${row.prohibited.map((/** @type {string} */ what, /** @type {number} */ k) => html`<li key=${k}>${t("table.prohibited")} ${others(what)}</li>`)}</ul>
    <p class="small">${row.area.slice(0, 6).map((/** @type {number[]} */ one, /** @type {number} */ k) => html`<span key=${k}>${cell(one)} </span>`)}${row.area.length > 6 && t("count.of", { n: 6, total: row.area.length })}</p>
    ${!row.agreed_by.includes(own) && actRow([{ act: "ceasefire.agree", fixed: { terms: row.terms }, about: row.title, shown: { whole: html`<ul>${row.prohibited.map((/** @type {string} */ what, /** @type {number} */ k) => html`<li key=${k}>${t("table.prohibited")} ${others(what)}</li>`)}</ul><p>${at(row.from_ms)} - ${row.until_ms === null ? t("table.open_end") : at(row.until_ms)}</p>` } }])}
    ${listed(row.claims, claim, t("table.no_claims"))}</article>`;
}

/** @param {Row} row */
function claim(row) {
  const fixed = { claim: row.claim };
  const about = `${row.claim} ${word("category", row.category)}`;
  const acts = [
    ...(row.by === state.board?.party || row.state === "remedied" ? [] : [{ act: "ceasefire.reply", fixed, about, values: { stance: "looks_into_it" } }]),
    ...(row.state === "remedied" ? [] : [{ act: "ceasefire.find", fixed, about, values: { finding: "not_established" } }]),
    ...(["found", "remedied"].includes(row.state) ? [{ act: "ceasefire.remedy", fixed, about }] : []),
  ];
  return html`<div key=${row.claim} class="note" data-claim=${row.claim}><p>${stateBadge(word("claim", row.state), LEVEL[row.state] ?? "")} ${code(row.claim)} <b>${word("category", row.category)}</b> × <span class="num">${row.count}</span></p>
    <p class="small">${by(row.by, "", row.at_ms)}${row.about && html` · ${t("table.said_of")} ${party(row.about)}`} · ${t("table.observed")} ${at(row.observed_ms)} · ${cell(row.area)}</p>
    <p class="small">${others(row.observer)}: ${word("sense", row.sense)}, ${t("table.confidence")} ${word("confidence", row.confidence)}</p>${words(row.words)}
    ${row.replies.map((/** @type {string[]} */ [who, stance, text], /** @type {number} */ k) => html`<div key=${k} class="side"><p>${party(who)} <b>${word("reply", stance)}</b></p>${words(text)}</div>`)}
    <div class="sides">${Object.entries(row.findings).map(([who, [finding, grade, text]]) => html`<div key=${who} class="side"><p>${party(who)} <b>${word("finding", finding)}</b> ${grade && word("grade", grade)}</p>${words(text)}</div>`)}</div>
    ${row.joint && html`<p>${t("table.joint")} <b>${word("finding", row.joint)}</b></p>`}
    ${row.remedies.map((/** @type {string[]} */ [who, text], /** @type {number} */ k) => html`<p key=${k}>${t("table.remedy")} ${party(who)} ${others(text)}</p>`)}
    ${actRow(acts)}</div>`;
}
