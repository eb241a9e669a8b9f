// What a report can say beyond its words: whose item it is, through which hands it came, what it replaces. Whatever stands at
// the table already is chosen from there and never typed; a hand whose name is not known is said, and shown as missing.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { instantOf } from "../format.js";
import { partyName } from "../words.js";
import { cellOf, readPoint } from "../map/volume.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {{part: string, name: string, at: string}} Hand */

const PARTS = ["speaker", "outlet", "republisher", "sensor", "liaison"];
const HANDS_MAX = 16;

const own = () => state.board?.party ?? "";
/** @returns {Row[]} */
const consents = () => state.table.view?.consents ?? [];
/** @returns {Row[]} */
const shared = () => state.table.view?.reports ?? [];

/** What others let be shared at this table, `charlie c-17`. */
export const consented = () => consents().filter((row) => row.state === "given" && row.originator !== own()).map((row) => `${row.originator} ${row.material}`);

/** @param {string} item as `consented` names it */
export function itemName(item) {
  const [originator, material] = item.split(" ");
  return `${partyName(originator)} · ${material}`;
}

/** Own reports that still stand, by name. @returns {string[]} */
export const replaceable = () => shared().filter((row) => row.by === own() && !row.withdrawn && !row.replaced_by).map((row) => row.report);

/** @param {string} report */
export const reportName = (report) => `${report} · ${shared().find((row) => row.report === report)?.title ?? ""}`;

/** Who else sits at the open table. @returns {string[]} */
export const otherMembers = () => (state.table.view?.brief.members ?? []).filter((/** @type {string} */ one) => one !== own());

/** @returns {string[]} */
export const otherParties = () => (state.board?.parties ?? []).map((/** @type {Row} */ one) => one.id).filter((/** @type {string} */ one) => one !== own());

/** @param {Hand[]} hands */
export const areRead = (hands) => hands.every(({ at }) => at.trim() === "" || !Number.isNaN(instantOf(at)));

/** A report with the cell of its place, and of the place nothing finer. @param {Row} act what is fixed @param {Row} given @param {(hours: string) => number} until */
export function reportOf(act, { title, words, about, sort, observed, hours, place, source, item, sources, tlp, material, may_pass_to, provenance, replaces }, until) {
  const point = place ? readPoint(place) : null;
  const [originator, number] = material?.split(" ") ?? [];
  return {
    ...act, title, words, about, kind: sort, observed_ms: instantOf(observed), valid_until_ms: until(hours),
    marking: { tlp, ...(may_pass_to ? { may_pass_to } : {}) }, grade: { source, item, ...(sources ? { sources } : {}) },
    ...(point ? { area: cellOf(point) } : {}), ...(material ? { originator, material: number } : {}), ...(replaces ? { replaces } : {}),
    ...(provenance ? { provenance: provenance.map((/** @type {Hand} */ hand) => handOf(hand)) } : {}),
  };
}

/** @param {Hand} hand */
const handOf = ({ part, name, at }) => ({ part, ...(name.trim() ? { name: name.trim() } : {}), ...(at.trim() ? { at_ms: instantOf(at) } : {}) });

/** @param {Hand[]} hands as they are drawn @param {(next: (hands: Hand[]) => Hand[]) => void} put */
export function handsField(hands, put) {
  const change = (/** @type {number} */ k, /** @type {Partial<Hand>} */ more) => put((now) => now.map((hand, n) => (n === k ? { ...hand, ...more } : hand)));
  return html`<fieldset id="act-provenance"><legend>${t("field.provenance")} (${t("table.optional")})</legend><p class="small muted">${t("field.provenance_what")}</p>
    ${hands.map((hand, k) => html`<div key=${k} class="line hand" data-hand=${k}>
      <select aria-label=${t("chain.part")} value=${hand.part} onChange=${(/** @type {any} */ e) => change(k, { part: e.target.value })}>${PARTS.map((one) => html`<option key=${one} value=${one} selected=${one === hand.part}>${word("chain", one)}</option>`)}</select>
      <input class="grow" aria-label=${t("chain.name")} placeholder=${t("chain.name")} maxlength="120" autocomplete="off" value=${hand.name} onInput=${(/** @type {any} */ e) => change(k, { name: e.target.value })} />
      <input aria-label=${t("chain.at")} placeholder="2026-12-01 14:30" maxlength="16" autocomplete="off" aria-invalid=${String(!areRead([hand]))} value=${hand.at} onInput=${(/** @type {any} */ e) => change(k, { at: e.target.value })} />
      <button type="button" onClick=${() => put((now) => now.filter((_, n) => n !== k))}>${t("chain.remove")}</button></div>`)}
    ${hands.length < HANDS_MAX && html`<button type="button" id="act-hand" onClick=${() => put((now) => [...now, { part: "outlet", name: "", at: "" }])}>${t("chain.add")}</button>`}</fieldset>`;
}
