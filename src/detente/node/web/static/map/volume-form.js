// The form beside a volume that is being drawn: everything that a pointer does on the map is done here by keyboard too.
// Whether it overlaps what stands at the table is asked of the node at each change; until it has answered, that is said.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clockZ, instantOf, stampOf } from "../format.js";
import { code, others, party } from "../words.js";
import { checkOverlaps, readPasted } from "./overlaps.js";
import { draftOf, volumeOfPlan } from "./volume-act.js";
import { COARSE, DATUMS, KINDS, SHAPES, VOLUMES_MAX, cellsOf, emptyVolume, firstWrong, isProtected, ofKind, readPoints, turnedTo, withOneMore, withoutOpen, writePoints } from "./volume.js";

/** @typedef {Record<string, any>} Row */

/** A new one, with what the form keeps beside it: the text of the corners while it is typed, and what the node says. @returns {Row} */
export const newVolume = () => ({ ...emptyVolume(nodeNow()), typed: {}, overlaps: [], checked: "not_yet", said: null, pasted: "", refusal: "", wrongLine: 0, parts: [null], at: 0, changes: null, read: {} });

/** An own activity that stands, open to be changed: what is said then takes the place of its newest plan. @param {Row} row of a table's view @returns {Row} */
export const volumeOfActivity = (row) => ({ ...newVolume(), ...volumeOfPlan(row.plan), changes: { activity: row.activity, digest: row.digest } });

/** The place itself of what is declared in cells: drawn as anything else is, within them. @param {Row} row of a table's view @returns {Row} */
export function volumeOfPlace(row) {
  const { startMs, endMs, datum, floor, ceiling } = volumeOfPlan(row.plan);
  return { ...newVolume(), startMs, endMs, datum, floor, ceiling, kind: row.kind, title: row.title, gives: row.activity };
}

/** The form may have been closed meanwhile. @param {Row} change */
const put = (change) => state.volume && update({ volume: { ...state.volume, ...change } });

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

/** @param {{showTables: () => void}} acts */
export function volumeForm(acts) {
  const volume = /** @type {Row} */ (state.volume);
  const first = firstWrong(volume);
  const wrong = volume.wrongLine ? "line" : (first?.why ?? (Number.isNaN(volume.read.verified_ms) ? "verified" : ""));
  const isCoarse = isProtected(volume.kind) && !volume.gives;
  if (!volume.gives) checkOverlaps(/** @type {any} */ (volume), wrong); // a place lies in what was asked about
  /** What is typed stands as it was typed while the field has the focus: a drawing in between must not take it away. @param {string} name @param {string} shown @param {(text: string) => Row} read */
  const typing = (name, shown, read) => ({
    id: `volume-${name}`, value: volume.typed[name] ?? shown,
    onInput: (/** @type {Event} */ e) => put({ ...read(valueOf(e)), typed: { ...state.volume?.typed, [name]: valueOf(e) } }),
    // What could not be read stays to be mended.
    onBlur: (/** @type {Event} */ e) => (Object.values(read(valueOf(e))).every((part) => !Number.isNaN(part)) && !read(valueOf(e)).wrongLine ? put({ typed: { ...state.volume?.typed, [name]: undefined } }) : undefined),
  });
  const figure = (/** @type {string} */ name, /** @type {number} */ unit = 1) =>
    html`<label key=${name} class="asked"><span>${t(`volume.${name}`)}</span><input inputmode="decimal" maxlength="7" placeholder=${{ floor: "GND", ceiling: "UNL" }[name] ?? ""} ...${typing(name, Number.isFinite(volume[name]) ? String(volume[name] / unit) : "", (text) => ({ [name]: text.trim() === "" ? none(name) : Number(text) * unit }))} /></label>`;
  const choice = (/** @type {string} */ name, /** @type {readonly string[]} */ options) =>
    html`<label class="asked"><span>${t(`volume.${name}`)}</span><select id=${`volume-${name}`} value=${volume[name]} disabled=${name === "kind" && (volume.changes !== null || volume.gives)} onChange=${(/** @type {Event} */ e) => (name === "kind" ? update({ volume: ofKind(/** @type {Row} */ (state.volume), valueOf(e), nodeNow()) }) : put({ [name]: valueOf(e) }))}>${options.map((one) => html`<option key=${one} value=${one} selected=${one === volume[name]}>${t(`volume.${one}`)}</option>`)}</select></label>`;
  const time = (/** @type {string} */ name) =>
    html`<label key=${name} class="asked"><span>${t(`volume.${name}`)}</span><input maxlength="16" placeholder="2026-12-01 14:30" ...${typing(name, stampOf(volume[name]), (text) => ({ [name]: instantOf(text) }))} /></label>`;
  const corners = (/** @type {string} */ text) => {
    const { points: all, wrong: line } = readPoints(text);
    const points = state.volume?.shape === "cells" ? cellsOf(all) : all;
    return line ? { wrongLine: line } : { wrongLine: 0, points, chosen: points.length - 1 };
  };
  const take = async () => {
    const { volume: read, refusal } = await readPasted(volume.pasted);
    if (state.volume?.pasted !== volume.pasted) return; // what was read is not what stands there now
    put(read ? { ...read, typed: {}, wrongLine: 0, pasted: "", refusal: "", chosen: -1 } : { refusal });
  };
  const unit = volume.datum === "pressure" ? 100 : 1;
  return html`<section class="listed volume" aria-labelledby="volume-head"><div class="line"><h2 id="volume-head">${volume.gives ? html`${t("does.activity.give_place")} ${code(volume.gives)}` : volume.changes ? html`${t("does.activity.change")} ${code(volume.changes.activity)}` : t("volume.title_of")}</h2><span class="grow"></span><button type="button" onClick=${() => update({ volume: null })}>${t("act.close")}</button></div>
    <div class="scrolls">
      <div class="line" role="group" aria-label=${t("volume.which")}>${volume.parts.map((/** @type {unknown} */ _, /** @type {number} */ k) => html`<button key=${k} type="button" class="square" aria-pressed=${k === volume.at} aria-label=${t("volume.nth", { n: k + 1 })} onClick=${() => update({ volume: turnedTo(/** @type {Row} */ (state.volume), k) })}>${k + 1}</button>`)}
        <button type="button" id="volume-more" disabled=${volume.parts.length >= VOLUMES_MAX} onClick=${() => update({ volume: withOneMore(/** @type {Row} */ (state.volume)) })}>${t("volume.one_more")}</button>
        ${volume.parts.length > 1 && html`<button type="button" id="volume-less" onClick=${() => update({ volume: withoutOpen(/** @type {Row} */ (state.volume)) })}>${t("volume.one_less")}</button>`}</div>
      <div class="line" role="group" aria-label=${t("volume.shape")}>${(isCoarse ? COARSE : SHAPES).map((shape) => html`<button key=${shape} type="button" aria-pressed=${volume.shape === shape} onClick=${() => put({ shape, points: shape === "circle" ? volume.points.slice(0, 1) : volume.points })}>${t(`volume.${shape}`)}</button>`)}</div>
      <label class="asked"><span>${t("volume.title")}</span><input id="volume-title" disabled=${Boolean(volume.gives)} maxlength="120" autocomplete="off" value=${volume.title} onInput=${(/** @type {Event} */ e) => put({ title: valueOf(e) })} /></label>
      <label class="asked"><span>${t(volume.shape === "cells" ? "volume.cell_list" : "volume.corners")}</span><textarea rows="5" spellcheck=${false} class="num" ...${typing("corners", writePoints(/** @type {any} */ (volume.points)), corners)}></textarea></label>
      <div class="line"><button type="button" disabled=${!volume.points.length} onClick=${remove}>${t(volume.shape === "cells" ? "volume.remove_cell" : "volume.remove")}</button><span class="muted small">${t(volume.shape === "cells" ? "volume.how_cells" : "volume.how")}</span></div>
      <div class="pairs">${volume.shape === "circle" && figure("radiusNm")}${volume.shape === "corridor" && figure("widthNm")}
        ${choice("kind", KINDS)}${choice("datum", DATUMS)}
        ${figure("floor", unit)}${figure("ceiling", unit)}${time("startMs")}${time("endMs")}
        ${volume.kind === "protected_site" && isCoarse && html`<label class="asked"><span>${t("volume.verified")}</span><input maxlength="16" ...${typing("verified", stampOf(volume.read.verified_ms), (text) => ({ read: { ...state.volume?.read, verified_ms: instantOf(text) } }))} /></label>`}</div>
      ${isProtected(volume.kind) && html`<p class="small">${t(isCoarse ? "volume.coarse" : "volume.place_itself")}</p>`}
      <details><summary>${t("volume.paste")}</summary><textarea id="volume-pasted" rows="4" maxlength="20000" spellcheck=${false} value=${volume.pasted} onInput=${(/** @type {Event} */ e) => put({ pasted: valueOf(e) })}></textarea><button type="button" disabled=${!volume.pasted.trim()} onClick=${take}>${t("volume.take")}</button></details>
      ${volume.refusal && html`<p class="text-alarm" role="alert">${others(volume.refusal, "en")}</p>`}
      <div role="status">${wrong ? html`<p class="text-warning">${wrong === "line" ? t("volume.wrong_line", { n: volume.wrongLine }) : html`${first && volume.parts.length > 1 && html`${t("volume.nth", { n: first.at + 1 })}: `}${t(`wrong.${wrong}`)}`}</p>` : volume.gives ? "" : overlapsOf(volume)}</div>
      <div class="line"><span class="grow"></span><button type="button" id="volume-on" class="main" disabled=${wrong !== "" || !volume.title.trim() || state.replay !== null} onClick=${() => { update({ act: draftOf(volume) }); acts.showTables(); }}>${t("volume.on")}</button></div>
    </div></section>`;
}

/** What an empty field means: an open level, else that something is missing. @param {string} name */
const none = (name) => (name === "floor" || name === "ceiling" ? null : NaN);

/** Take the chosen corner out, else the last. */
function remove() {
  const volume = /** @type {Row} */ (state.volume);
  const at = volume.chosen < 0 ? volume.points.length - 1 : volume.chosen;
  const points = volume.points.filter((/** @type {unknown} */ _, /** @type {number} */ k) => k !== at);
  put({ points, chosen: Math.min(at, points.length) - 1, typed: {}, wrongLine: 0 });
}

/** @param {Row} volume */
function overlapsOf(volume) {
  if (volume.checked === "not_checked") return html`<p class="text-caution">${t("volume.not_checked")} ${volume.why && others(volume.why, "en")}</p>`;
  if (volume.checked !== "checked") return html`<p class="muted">${t("volume.checking")}</p>`;
  const { code, reason, is_short } = volume.said;
  return html`${code && html`<p class="text-alarm">${t("volume.would_be_refused")} ${others(reason, "en")}</p>`}
    ${is_short && html`<p class="text-caution">${t("volume.is_short")}</p>`}
    ${volume.overlaps.length === 0 ? html`<p>${t("volume.no_overlap")}</p>` : html`<p class="text-warning">${t("volume.overlaps")}</p><ul>${volume.overlaps.slice(0, 20).map((/** @type {Row} */ row) => html`<li key=${row.activity}>${party(row.by)} ${others(row.title)} <span class="num">${clockZ(row.from_ms)}-${clockZ(row.until_ms)}</span>${row.levels_known ? "" : html` <span class="text-caution">${t("volume.levels_unknown")}</span>`}</li>`)}</ul>${volume.overlaps.length > 20 && html`<p class="muted">${t("count.of", { n: 20, total: volume.overlaps.length })}</p>`}`}`;
}
