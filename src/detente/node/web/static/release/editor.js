// Another policy, from its text: its rules in words with what is left of each promise, what is odd in it, why it tells more
// and whom it would tell of what now. All of that is seen before it is proposed.

import { html } from "../html.js";
import { state } from "../store.js";
import { t } from "../i18n.js";
import { span } from "../format.js";
import { give } from "../orders.js";
import { code, others, party } from "../words.js";
import { checkText, prepare, put } from "./load.js";

/** @typedef {Record<string, any>} Row */

const NAMES_MAX = 24;

export function editor() {
  const { text, check, refused } = state.release;
  const why = refused && html`<p class="text-alarm" role="alert">${others(refused, "en")}</p>`;
  if (text === null) return html`<button type="button" id="policy-prepare" onClick=${prepare}>${t("release.prepare")}…</button>${why}`;
  const close = () => put({ text: null, check: null, refused: null });
  const offer = async () => {
    if (check && (await give({ order: "propose_policy", text, digest: check.digest })) && state.release.text === text) close();
  };
  return html`<label for="policy-text" class="small muted">${t("release.text")}</label><textarea id="policy-text" class="code" rows="12" maxlength="100000" spellcheck=${false} value=${text} onInput=${(/** @type {any} */ e) => put({ text: e.target.value, check: null })}></textarea>
    <div class="line"><button type="button" id="policy-check" onClick=${checkText}>${t("release.check")}</button><button type="button" class="main" id="policy-propose" disabled=${!check} onClick=${offer}>${t("release.propose")}</button><button type="button" onClick=${close}>${t("act.close")}</button></div>
    ${why}${check && found(check)}`;
}

/** @param {Row} check */
const found = (check) => html`<div id="policy-changes" class="note"><p>${others(check.name)} ${code(check.digest, "whole")}</p>
    ${check.wider_because.length ? html`<p class="text-caution">${t("release.takes_two")}</p><ul>${check.wider_because.map((/** @type {string} */ line) => html`<li key=${line}>${others(line, "en")}</li>`)}</ul>` : html`<p>${t("release.tells_no_more")}</p>`}
    ${Object.entries(check.changes).map(([who, change]) => html`<p key=${who}>${party(who)} ${t("release.changes", { more: Object.keys(change.gained).length, less: Object.keys(change.lost).length })}</p>
      ${names(t("release.told_more"), change.gained)}${names(t("release.told_less"), change.lost)}`)}
    ${check.odd.length > 0 && html`<h3>${t("release.odd")}</h3><ul id="policy-odd">${check.odd.map((/** @type {string} */ line) => html`<li key=${line} class="text-caution">${others(line, "en")}</li>`)}</ul>`}
    <h3>${t("release.in_words")}</h3><ol id="policy-words" class="rules">${check.rules.map((/** @type {Row} */ rule, /** @type {number} */ k) => html`<li key=${k} class=${`thing rule-${rule.effect}`}><p><span class="num muted">${k + 1}</span> ${others(rule.sentence, "en")}</p>${rule.effect === "release" && promise(check, k + 1)}</li>`)}<li class="thing last"><h4>${t("release.else")}</h4><p>${t("release.default_withhold")}</p></li></ol></div>`;

/** What the attack leaves of a rule of the text; it takes the node seconds. @param {Row} check @param {number} rule from 1 */
function promise(check, rule) {
  if (!check.fineness) return html`<p class="small muted">${t("release.trying")}</p>`;
  const row = check.fineness.find((/** @type {Row} */ one) => one.rule === rule);
  return row?.promised_m === null ? "" : left(row); // what is told exactly promises nothing
}

/** Who would be told of more, or of less, and what of each. @param {string} heading @param {Record<string, string[]>} tracks */
function names(heading, tracks) {
  const rows = Object.entries(tracks);
  if (!rows.length) return "";
  return html`<details><summary>${heading} <span class="num">${rows.length}</span></summary><ul class="reasons">${rows.slice(0, NAMES_MAX).map(([label, what]) => html`<li key=${label}>${code(label)}<span>${others(what.join(", "), "en")}</span></li>`)}${rows.length > NAMES_MAX && html`<li><span class="num">+${rows.length - NAMES_MAX}</span></li>`}</ul></details>`;
}

/** What was promised, beside what is left of it. @param {Row | undefined} row */
export function left(row) {
  if (!row) return "";
  const metres = (/** @type {number | null} */ m) => (m === null ? "-" : m >= 1852 ? `${(m / 1852).toFixed(1)} NM` : `${Math.round(m)} m`);
  return html`<table class="grid fineness"><caption>${t("release.fineness")}</caption><thead><tr><th scope="col">${t("release.promised")}</th>${row.known.map((/** @type {Row} */ k) => html`<th key=${k.after_s} scope="col">${t("release.after", { s: span(k.after_s) })}</th>`)}</tr></thead>
    <tbody><tr><td class="num">${metres(row.promised_m)}</td>${row.known.map((/** @type {Row} */ k) => html`<td key=${k.after_s} class="num">${metres(Math.min(k.straight_m, k.turning_m, k.anchored_m))}</td>`)}</tr></tbody></table>
    ${row.holds === false && html`<p class="text-caution small">${t("release.promise_broken")} ${others(row.advice, "en")}</p>`}`;
}
