// Below the timeline: which times are kept, the window that is chosen, and in a replay its controls. The whole frame of the
// screen is striped meanwhile; a live alarm is called out here, and one button leads back.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { clockZ, span } from "../format.js";
import { liveNow } from "../clock.js";
import { partyName } from "../words.js";
import { isOpen } from "../alert-words.js";
import { SPEEDS } from "./player.js";
import { askKept, backToLive, playDossier, playWindow, tell } from "./play.js";

/** @typedef {Record<string, any>} Row */

const QUICK_MIN = [1, 5, 15];
const USUAL_MS = 15 * 60_000;

/** `2026-12-01 14:30:05`, UTC. @param {number} ms */
const stamp = (ms) => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 19).replace("T", " ") : "");

/** @param {string} text */
export const instant = (text) => (/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?$/.test(text.trim()) ? Date.parse(`${text.trim().replace(" ", "T").replace(/Z$/, "")}Z`) : NaN);

export const replayBar = () => html`<div class="replay-bar">${state.replay ? controls(state.replay) : chooser()}</div>`;

function chooser() {
  const now = liveNow();
  if (!Number.isFinite(now)) return "";
  const { picker, kept } = state;
  const open = () => {
    update({ picker: picker ? null : { from: stamp(now - USUAL_MS), to: stamp(now) } });
    if (!picker) askKept();
  };
  const file = (/** @type {any} */ event) => {
    if (event.target.files[0]) playDossier(event.target.files[0]);
    event.target.value = "";
  };
  return html`<b class="muted">${t("replay.title")}</b>
    ${QUICK_MIN.map((n) => html`<button key=${n} type="button" onClick=${() => playWindow(now - n * 60_000, now)}>${t("replay.last", { n })}</button>`)}
    <button type="button" id="replay-choose" aria-expanded=${picker !== null} onClick=${open}>${t("replay.choose")}</button>
    <label class="button">${t("replay.dossier")}<input id="replay-file" class="unseen" type="file" accept=".zip" onChange=${file} /></label>
    ${picker && html`<form class="line" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); playWindow(instant(picker.from), instant(picker.to)); }}>
      ${field("from", picker)}${field("to", picker)}<button class="main">${t("replay.play")}</button></form>
      ${kept && keptBar(kept, picker, now)}`}`;
}

/** @param {"from" | "to"} name @param {{from: string, to: string}} picker */
const field = (name, picker) =>
  html`<label>${t(`replay.${name}`)} <input id=${`replay-${name}`} size="19" maxlength="20" value=${picker[name]} aria-invalid=${Number.isNaN(instant(picker[name]))} onInput=${(/** @type {any} */ e) => update({ picker: { ...picker, [name]: e.target.value } })} /></label>`;

/** The kept times as a bar; a drag over it chooses a window. @param {Row} kept @param {Row} picker @param {number} now */
function keptBar(kept, picker, now) {
  if (!kept.spans.length) return html`<span class="text-caution">${kept.hours ? t("replay.nothing_kept") : t("replay.not_kept")}</span>`;
  const first = kept.spans[0].from_ms;
  const share = (/** @type {number} */ ms) => ((ms - first) / Math.max(1, now - first)) * 100;
  const box = (/** @type {number} */ from, /** @type {number} */ to) => ({ x: `${Math.max(0, share(from)).toFixed(2)}%`, width: `${Math.max(0.2, share(to) - Math.max(0, share(from))).toFixed(2)}%` });
  const at = (/** @type {any} */ e) => first + (e.offsetX / e.currentTarget.clientWidth) * (now - first);
  const drag = (/** @type {any} */ e) => {
    if (e.type === "pointerdown") {
      keptGrip = at(e);
      e.currentTarget.setPointerCapture(e.pointerId);
    } else if (keptGrip !== null) update({ picker: { from: stamp(Math.min(keptGrip, at(e))), to: stamp(Math.max(keptGrip, at(e))) } });
    if (e.type === "pointerup") keptGrip = null;
  };
  const [from, to] = [instant(picker.from), instant(picker.to)];
  return html`<svg class="kept" role="img" aria-label=${t("replay.kept", { from: stamp(first), n: kept.spans.length, mb: kept.used_mb })} height="16" onPointerDown=${drag} onPointerMove=${drag} onPointerUp=${drag}>
    ${kept.spans.map((/** @type {Row} */ one) => html`<rect key=${one.from_ms} class="there" y="4" height="8" ...${box(one.from_ms, one.to_ms)} />`)}
    ${from < to && html`<rect class="chosen" y="1" height="14" ...${box(from, to)} />`}</svg>
    <span class="muted small">${t("replay.kept", { from: stamp(first), n: kept.spans.length, mb: kept.used_mb })}</span>
    ${kept.fault && html`<span class="text-alarm small">${t("replay.fault")} <bdi>${kept.fault}</bdi></span>`}`;
}

/** @type {number | null} where a drag over the kept times began */
let keptGrip = null;

/** @param {Row} replay */
function controls(replay) {
  const { player, source, by, more, unread, checked } = replay;
  const alarms = (state.live.board?.alerts ?? []).filter(isOpen);
  const step = (/** @type {string} */ label, /** @type {number} */ ms, /** @type {string} */ sign) => html`<button type="button" aria-label=${label} title=${label} onClick=${() => tell({ does: "step", ms })}>${sign}</button>`;
  const where = `${stamp(player.atMs)}Z`;
  return html`<b class="badge replaying">${t("replay.badge")}</b>
    <button type="button" id="replay-live" class="main" onClick=${backToLive}>${t("replay.live")}</button>
    ${alarms.length > 0 && html`<b class="badge bad" role="alert">${t("replay.live_alerts", { n: alarms.length })}</b>`}
    ${state.live.link === "stopped" && html`<b class="badge bad">${t("link.stopped", { at: clockZ(state.live.stoppedAtMs) })}</b>`}
    <span class="num">${where} <span class="muted">${span((player.atMs - player.fromMs) / 1000)} / ${span((player.toMs - player.fromMs) / 1000)}</span></span>
    <button type="button" id="replay-play" aria-pressed=${player.playing} onClick=${() => tell({ does: "turn" })}>${player.playing ? t("replay.pause") : t("replay.play")}</button>
    ${step(t("replay.back_min"), -60_000, "−1 min")}${step(t("replay.back"), -1000, "−1 s")}${step(t("replay.on"), 1000, "+1 s")}${step(t("replay.on_min"), 60_000, "+1 min")}
    <select id="replay-speed" aria-label=${t("replay.speed")} value=${player.speed} onChange=${(/** @type {any} */ e) => tell({ does: "speed", n: Number(e.target.value) })}>${SPEEDS.map((n) => html`<option key=${n} value=${n} selected=${n === player.speed}>×${n}</option>`)}</select>
    <input id="replay-place" type="range" min="0" max=${Math.round((player.toMs - player.fromMs) / 1000)} step="1" value=${Math.round((player.atMs - player.fromMs) / 1000)} aria-label=${t("replay.place")} aria-valuetext=${where} onInput=${(/** @type {any} */ e) => tell({ does: "seek", ms: player.fromMs + Number(e.target.value) * 1000 })} />
    ${source === "dossier" && html`<span class="muted">${t("replay.of_dossier")} <bdi>${by}</bdi></span> ${checked.outcome === "holds" && html`<b id="replay-holds" class="badge good">${t("replay.holds", { parties: checked.parties.map(partyName).join(", ") })}</b>`}`}
    ${unread > 0 && html`<span class="text-caution">${t("replay.unread", { n: unread })}</span>`}
    ${more && html`<span class="text-caution">${t("replay.more")}</span>`}`;
}
