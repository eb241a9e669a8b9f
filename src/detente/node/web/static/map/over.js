// What lies over the map: its tools, the banner of a peer's view, the status line, and the panels that its tools open.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { clockZ, count, position } from "../format.js";
import { bearing } from "./project.js";
import { code, others, partyName } from "../words.js";
import { labelOf } from "./tracks.js";
import { isOn } from "./filter.js";
import { filterPanel } from "./filter-panel.js";
import { trackList } from "./track-list.js";
import { verticalStrip } from "./vertical.js";
import { whyNot } from "../replay/check.js";
import { volumeForm } from "./volume-form.js";

/** @typedef {import("./track-list.js").Acts & {preview: (peer: string | null) => void, home: () => void, zoom: (factor: number) => void, measure: () => void, volume: () => void, showTables: () => void, camera: {east: number, north: number, pxPerNm: number}}} Acts */

/** @param {string} name @param {unknown} value */
export const set = (name, value) => update({ show: { ...state.show, [name]: value } });

export const nextVector = () => set("vectorMin", ({ 0: 1, 1: 2, 2: 4, 4: 0 })[state.show.vectorMin] ?? 2);
export const nextLabels = () => set("labels", ({ off: "auto", auto: "all", all: "off" })[state.show.labels] ?? "auto");

/** @param {Acts} acts */
export function over(acts) {
  const { show, board } = state;
  const toggle = (/** @type {"trails" | "rings" | "zones" | "lines" | "dim"} */ name, /** @type {string} */ label) =>
    html`<button type="button" aria-pressed=${show[name]} onClick=${() => set(name, !show[name])}>${label}</button>`;
  return html`
    <div class="tools" role="toolbar" aria-label=${t("map.tools")}>
      <span>
        <button type="button" aria-pressed=${show.vectorMin > 0} onClick=${nextVector}>${show.vectorMin ? t("map.vectors", { n: show.vectorMin }) : t("map.vectors_off")}</button>
        ${toggle("trails", t("map.trails"))}
        <button type="button" aria-pressed=${show.labels !== "off"} onClick=${nextLabels}>${t(`map.labels_${show.labels}`)}</button>
        ${toggle("lines", t("map.lines"))}
        ${toggle("rings", t("map.rings"))}
        ${toggle("zones", t("map.zones"))}
        ${toggle("dim", t("map.dim"))}
      </span><span>
        <button type="button" aria-pressed=${state.follow} onClick=${() => update({ follow: !state.follow })}>${t("map.follow")}</button>
        <button type="button" aria-pressed=${state.tracksListed} onClick=${() => update({ tracksListed: !state.tracksListed })}>${t("map.list")}</button>
        <button type="button" aria-pressed=${state.filtering} class=${isOn(state.filter) ? "is-on" : ""} onClick=${() => update({ filtering: !state.filtering })}>${t("map.filter")}</button>
        <button type="button" aria-pressed=${state.measure !== null} onClick=${acts.measure}>${t("map.measure")}</button>
        <button type="button" aria-pressed=${state.volume !== null} onClick=${acts.volume}>${t("map.volume")}</button>
        <button type="button" onClick=${acts.home}>${t("map.home")}</button>
      </span><span class="zoom">
        <button type="button" class="square" aria-label=${t("map.closer")} onClick=${() => acts.zoom(1.4)}>+</button>
        <button type="button" class="square" aria-label=${t("map.farther")} onClick=${() => acts.zoom(1 / 1.4)}>-</button>
      </span>
    </div>
    ${state.preview && html`<div class="banner" role="status"><b>${t("release.banner", { party: partyName(state.preview.peer) })}</b> <span>${t("release.banner_counts", { shown: state.preview.tracks.n, withheld: state.preview.withheld.length })}</span> <span class="num">${clockZ(state.preview.tracks.atMs)}</span>
      <button type="button" onClick=${() => acts.preview(null)}>${t("release.back")}</button></div>`}
    ${state.replay?.source === "dossier" && state.replay.checked.outcome !== "holds" && html`<div id="not-proved" class="banner grave-banner" role="alert"><b>${t("replay.not_proved")}</b> <span>${others(whyNot(state.replay.checked), "en")}</span></div>`}
    ${state.link === "stopped" && html`<div class="stopped"><b>${t("link.stopped", { at: clockZ(state.stoppedAtMs) })}</b><span>${t("link.stopped_what")}</span></div>`}
    ${state.link === "connecting" && html`<div class="stopped"><b>${t("link.connecting")}</b></div>`}
    ${state.filtering && filterPanel()}
    ${state.volume ? volumeForm(acts) : state.tracksListed && trackList(acts, acts.camera)}
    ${verticalStrip()}
    ${board && status(board)}`;
}

/** @param {Record<string, any>} board */
function status(board) {
  const { cursor, tracks, selected, shown } = state;
  const row = selected === null || !tracks ? undefined : tracks.rowOf.get(selected);
  const from = cursor && tracks && row !== undefined ? bearing({ lat: tracks.lat[row], lon: tracks.lon[row] }, { lat: cursor.latitude, lon: cursor.longitude }) : null;
  const counts = board.counts;
  const item = (/** @type {string} */ label, /** @type {number} */ n, cls = "") => html`<span class=${cls}>${label} <b class="num">${count(n)}</b></span>`;
  return html`<div class="status">
    ${state.lang !== "en" && html`<span class="text-caution">${t("top.draft_translation")}</span>`}
    <span>${t("status.cursor")} <b class="num">${cursor ? position(cursor.latitude, cursor.longitude) : "-"}</b></span>
    ${from && tracks && row !== undefined && html`<span>${t("status.from")} ${code(labelOf(tracks, row))} <b class="num">${String(Math.round(from.degrees) % 360).padStart(3, "0")}° ${from.miles.toFixed(1)} NM</b></span>`}
    <span class="grow"></span>
    <span>${t("status.tracks")} <b class="num">${t("count.of", { n: count(shown.tracks), total: count(shown.total) })}</b></span>
    ${item(t("status.own"), counts.own)} ${item(t("status.shared"), counts.shared)} ${item(t("status.unattributed"), counts.unattributed)}
    ${item(t("status.stale"), counts.stale)} ${item(t("status.not_assessed"), counts.not_assessed, counts.not_assessed ? "text-caution" : "")}
    ${shown.hidden > 0 && item(t("status.filtered"), shown.hidden, "text-caution")}
    ${shown.labelsLeftOut > 0 && item(t("status.labels_left_out"), shown.labelsLeftOut)}
    ${shown.dots && html`<span>${t("status.dots")}</span>`}
  </div>`;
}
