// The map's twin: the tracks in view as a list to sort, to search and to walk with the arrow keys, and what else carries
// a searched name. Never more than 200 rows; how many there are is said.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { clockZ, count, level } from "../format.js";
import { code, others, party } from "../words.js";
import { callsignOf, feetOf, identityOf, labelOf, MARK } from "./tracks.js";
import { NOBODY } from "./display-list.js";
import { activityAreas } from "./activities.js";
import { passes } from "./filter.js";
import { Kept } from "../kept.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {{see: (number: number) => void, showArea: (zone: Row) => void, showMessage: (message: string) => void, inView: (i: number) => boolean}} Acts */

export const ROWS_MAX = 200;
const FOUND_MAX = 8;
const COLUMNS = /** @type {const} */ (["callsign", "level", "speed", "distance", "party"]);
const NO_LEVEL_LAST = 1e9;

/**
 * Rows in the order of the list. What has no value goes last whichever way it is sorted; equals stand by their number.
 * @param {import("./tracks.js").Tracks} tracks
 * @param {{find: string, filter: import("./filter.js").Filter, sort: {by: string, down: boolean}, inView: (i: number) => boolean, camera: {east: number, north: number}}} how
 */
export function listed(tracks, { find, filter, sort, inView, camera }) {
  const wanted = find.trim().toLowerCase();
  const isNamed = (/** @type {number} */ i) => `${labelOf(tracks, i)} ${identityOf(tracks, i)}`.toLowerCase().includes(wanted);
  // Who searches looks everywhere; who reads the list reads what the map shows.
  const rows = [...tracks.number.keys()].filter((i) => !(tracks.flags[i] & MARK.SECONDARY) && (wanted ? isNamed(i) : inView(i) && passes(tracks, i, filter)));
  const key = /** @type {Record<string, (i: number) => number | string>} */ ({
    callsign: (i) => labelOf(tracks, i),
    level: (i) => feetOf(tracks, i) ?? NaN,
    speed: (i) => tracks.gsKt[i],
    distance: (i) => Math.hypot(tracks.east[i] - camera.east, tracks.north[i] - camera.north),
    party: (i) => tracks.declaredBy[i],
  })[sort.by];
  const keyed = rows.map((i) => ({ i, key: key(i), n: tracks.number[i] }));
  const way = sort.down ? -1 : 1;
  const last = (/** @type {number | string} */ k) => (Number.isNaN(k) ? NO_LEVEL_LAST : 0);
  keyed.sort((p, q) => last(p.key) - last(q.key) || (p.key < q.key ? -way : p.key > q.key ? way : p.n - q.n));
  return keyed.map(({ i }) => i);
}

/** @type {{of: unknown[], rows: number[]}} */
let kept = { of: [], rows: [] };
const drawn = new Kept();

/** @param {import("./tracks.js").Tracks} tracks @param {Acts} acts @param {{east: number, north: number, pxPerNm: number}} camera */
function rowsOf(tracks, acts, camera) {
  const of = [tracks, state.find, state.filter, state.sort, camera.east, camera.north, camera.pxPerNm];
  if (of.some((part, k) => part !== kept.of[k])) kept = { of, rows: listed(tracks, { find: state.find, filter: state.filter, sort: state.sort, inView: acts.inView, camera }) };
  return kept.rows;
}

/** @param {Acts} acts @param {{east: number, north: number, pxPerNm: number}} camera */
export function trackList(acts, camera) {
  const tracks = state.tracks;
  if (!tracks) return "";
  const rows = rowsOf(tracks, acts, camera);
  const shown = rows.slice(0, ROWS_MAX);
  drawn.within([tracks, state.lang, camera.east, camera.north, state.board?.party, acts]); // a pointer that moves draws no row anew
  if (drawn.of.size > 2 * ROWS_MAX) drawn.keep(shown.map((i) => String(tracks.number[i])));
  const first = shown.some((i) => tracks.number[i] === state.selected) ? state.selected : tracks.number[shown[0]];
  return html`<section class="listed" aria-label=${t("map.list")}>
    <div class="line"><label for="find">${t("map.find")}</label><input id="find" type="search" autocomplete="off" maxlength="60" value=${state.find} onInput=${(/** @type {any} */ e) => update({ find: e.target.value })} onKeyDown=${into} />
      <span class="num">${t("count.of", { n: shown.length, total: count(rows.length) })}</span><button type="button" onClick=${() => update({ tracksListed: false })}>${t("act.close")}</button></div>
    ${state.find.trim() && elsewhere(acts)}
    <div class="scrolls" tabindex="0" role="group" aria-label=${t("map.list")}><table id="track-list" class="grid" onKeyDown=${walk}><thead><tr>${COLUMNS.map(heading)}</tr></thead>
    <tbody>${shown.map((i) => drawn.view(String(tracks.number[i]), `${tracks.number[i] === first} ${tracks.number[i] === state.selected}`, () => row(tracks, i, acts, tracks.number[i] === first, camera)))}</tbody></table></div>
  </section>`;
}

/** @param {typeof COLUMNS[number]} by */
function heading(by) {
  const is = state.sort.by === by;
  return html`<th key=${by} scope="col" aria-sort=${is ? (state.sort.down ? "descending" : "ascending") : "none"}><button type="button" class="plain" onClick=${() => update({ sort: { by, down: is && !state.sort.down } })}>${t(`list.${by}`)}${is ? (state.sort.down ? " ▾" : " ▴") : ""}</button></th>`;
}

/** @param {import("./tracks.js").Tracks} tracks @param {number} i @param {Acts} acts @param {boolean} isFirst @param {{east: number, north: number}} camera */
function row(tracks, i, acts, isFirst, camera) {
  const number = tracks.number[i];
  const by = tracks.declaredBy[i] === NOBODY ? null : (state.board?.parties[tracks.declaredBy[i]]?.id ?? null);
  const far = Math.hypot(tracks.east[i] - camera.east, tracks.north[i] - camera.north);
  const stale = tracks.flags[i] & MARK.STALE ? ` ~${Math.round(tracks.ageS[i])}s` : "";
  const unjudged = tracks.notAssessed[i] ? html` <b class="text-caution" title=${t("status.not_assessed")}>?</b>` : "";
  return html`<tr key=${number} class=${number === state.selected ? "on" : ""}>
    <td><button type="button" class="plain" tabindex=${isFirst ? 0 : -1} aria-pressed=${number === state.selected} onClick=${() => acts.see(number)}>${code(callsignOf(tracks, i) || labelOf(tracks, i))}</button>${unjudged}</td>
    <td class="num">${level(feetOf(tracks, i))}${stale}</td><td class="num">${Number.isFinite(tracks.gsKt[i]) ? Math.round(tracks.gsKt[i]) : "-"}</td><td class="num">${far.toFixed(far < 100 ? 1 : 0)}</td><td>${party(by)}</td></tr>`;
}

const buttons = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#track-list tbody button")]);

/** From the field into the list. @param {KeyboardEvent} event */
function into(event) {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  (buttons().find((button) => button.tabIndex === 0) ?? buttons()[0])?.focus();
}

/** Up, down and to the ends; Enter is the button's own. @param {KeyboardEvent} event */
function walk(event) {
  const all = buttons();
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 10, PageUp: at - 10, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || at < 0) return;
  event.preventDefault();
  event.stopPropagation();
  all[Math.max(0, Math.min(all.length - 1, next))].focus();
}

/** Lines, zones, activities and messages that carry the name. @param {Acts} acts */
function elsewhere(acts) {
  const wanted = state.find.trim().toLowerCase();
  const has = (/** @type {(string | null | undefined)[]} */ ...texts) => texts.some((text) => text?.toLowerCase().includes(wanted));
  const areas = [...state.zones, ...activityAreas(state.activities)].filter((/** @type {Row} */ a) => has(a.name, a.title, a.zone, a.activity));
  const messages = (state.board?.messages ?? []).filter((/** @type {Row} */ m) => has(m.message, m.text, m.code, ...Object.values(m.rendered)));
  if (!areas.length && !messages.length) return "";
  const more = (/** @type {number} */ n) => (n > FOUND_MAX ? html`<span class="muted">${t("count.of", { n: FOUND_MAX, total: count(n) })}</span>` : "");
  return html`<div class="found">
    ${areas.slice(0, FOUND_MAX).map((/** @type {Row} */ area) => html`<button key=${area.zone ?? area.activity} type="button" onClick=${() => acts.showArea(area)}>${others(area.name ?? area.title)}</button>`)}${more(areas.length)}
    ${messages.slice(0, FOUND_MAX).map((/** @type {Row} */ m) => html`<button key=${m.message} type="button" onClick=${() => acts.showMessage(m.message)}>${clockZ(m.sent_at_ms)} ${party(m.sender)} ${code(m.code ?? m.message)}</button>`)}${more(messages.length)}</div>`;
}
