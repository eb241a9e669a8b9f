// An alert's own numbers as a picture: from above, with the minima or the line; and time against level. Nothing here is
// predicted anew: each aircraft is carried along the course and climb that the detector held it to.

import { html } from "../html.js";
import { t } from "../i18n.js";
import { miles, span } from "../format.js";
import { stereographic } from "../map/project.js";
import { partyIndex } from "../words.js";

/** @typedef {import("../types.js").Judged} Judged */
/** @typedef {import("../types.js").StateRow} StateRow */
/** @typedef {import("../types.js").ZoneRow} ZoneRow */
/** @typedef {{east: number, north: number}} Place */

const [SIZE, MARGIN] = [320, 34];
const [WIDE, HIGH, LEFT] = [460, 150, 46];
const M_PER_NM = 1852;

/** Where a track is *seconds* after the judgement, NM from the event. @param {StateRow} track @param {Judged} judged @param {(lat: number, lon: number) => Place} forward @param {number} seconds @returns {Place} */
export function placeOf(track, judged, forward, seconds) {
  const { east, north } = forward(track.latitude_e7 / 1e7, track.longitude_e7 / 1e7);
  const flown = (judged.at_ms - track.applicable_at_ms) / 1000 + seconds;
  return { east: east + ((track.v_east_mps ?? 0) * flown) / M_PER_NM, north: north + ((track.v_north_mps ?? 0) * flown) / M_PER_NM };
}

/** Its level then, feet; null when it has none. @param {StateRow} track @param {Judged} judged @param {number} seconds */
export function levelOf(track, judged, seconds) {
  if (track.altitude_ft === null) return null;
  const flown = (judged.at_ms - track.applicable_at_ms) / 1000 + seconds;
  return track.altitude_ft + ((track.v_up_fpm ?? 0) * flown) / 60;
}

/** How far ahead the picture goes, seconds. @param {Judged} judged */
const ahead = (judged) => Math.max(30, judged.time_out_s ?? 0, judged.time_to_nearest_s ?? 0, judged.time_in_s ?? 0) + 15;

/** @param {StateRow} track */
const tone = (track) => {
  const index = track.party === null ? -1 : partyIndex(track.party);
  return index < 0 ? "p-unknown" : `p-${index === 0 ? 0 : ((index - 1) % 2) + 1}`;
};

/** The picture from above. @param {Judged} judged @param {ZoneRow | undefined} zone */
export function plan(judged, zone) {
  const { forward } = stereographic(judged.latitude_e7 / 1e7, judged.longitude_e7 / 1e7);
  const nearestS = judged.time_to_nearest_s ?? judged.time_in_s ?? 0;
  const paths = judged.tracks.map((track) => ({ track, from: placeOf(track, judged, forward, 0), at: placeOf(track, judged, forward, nearestS), to: placeOf(track, judged, forward, ahead(judged)) }));
  const radius = judged.minima ? judged.minima.horizontal_m / M_PER_NM : 0;
  const reach = Math.max(1, radius, ...paths.flatMap(({ from, at }) => [from.east, from.north, at.east, at.north].map(Math.abs))) * 1.06;
  const scale = (SIZE / 2 - MARGIN) / reach;
  const x = (/** @type {number} */ east) => (SIZE / 2 + east * scale).toFixed(1);
  const y = (/** @type {number} */ north) => (SIZE / 2 - north * scale).toFixed(1);
  const bar = [0.5, 1, 2, 5, 10, 20, 50, 100].find((nm) => nm * scale > 40) ?? 100;
  const rings = (zone?.rings ?? []).map((ring) => ring.map(([lat, lon]) => {
    const { east, north } = forward(lat / 1e7, lon / 1e7);
    return `${x(east)},${y(north)}`;
  }).join(" "));
  return html`<svg class="plan" viewBox=${`0 0 ${SIZE} ${SIZE}`} role="img" aria-label=${t("explain.plan_name", { tracks: judged.tracks.map((track) => track.label).join(", ") })}>
    ${rings.map((points, k) => html`<polygon key=${k} class="line" points=${points} />`)}
    ${radius > 0 && paths.length > 0 && html`<circle class="minimum" cx=${x(paths[0].at.east)} cy=${y(paths[0].at.north)} r=${(radius * scale).toFixed(1)} />
      <text x=${x(paths[0].at.east)} y=${(Number(y(paths[0].at.north)) - radius * scale - 4).toFixed(1)} class="middle">${miles(radius * M_PER_NM)}</text>`}
    ${paths.map(({ track, from, at, to }) => html`<g key=${track.number} class=${tone(track)}>
      <line class="course" x1=${x(from.east)} y1=${y(from.north)} x2=${x(to.east)} y2=${y(to.north)} />
      <rect class="aircraft" x=${(Number(x(from.east)) - 4).toFixed(1)} y=${(Number(y(from.north)) - 4).toFixed(1)} width="8" height="8" />
      <circle class="then" cx=${x(at.east)} cy=${y(at.north)} r="3.5" />
      <text class="name" x=${x(from.east)} y=${(Number(y(from.north)) - 9).toFixed(1)}>${track.label}</text></g>`)}
    ${paths.length === 2 && html`<line class="between" x1=${x(paths[0].at.east)} y1=${y(paths[0].at.north)} x2=${x(paths[1].at.east)} y2=${y(paths[1].at.north)} />`}
    ${paths.length < 2 && html`<path class="event" d=${`M${SIZE / 2 - 6} ${SIZE / 2 - 6}l12 12m0 -12l-12 12`} />`}
    <g class="scale"><line x1="10" x2=${10 + bar * scale} y1=${SIZE - 12} y2=${SIZE - 12} /><text x="10" y=${SIZE - 17}>${bar} NM</text><path d=${`M${SIZE - 16} 26v-14m-4 5l4 -6l4 6`} /><text x=${SIZE - 20} y="40">N</text></g>
  </svg>`;
}

/** Time against level. @param {Judged} judged */
export function profile(judged) {
  const end = ahead(judged);
  const lines = judged.tracks.map((track) => ({ track, from: levelOf(track, judged, 0), to: levelOf(track, judged, end) })).filter((line) => line.from !== null && line.to !== null);
  if (!lines.length) return html`<p class="text-caution">${t("explain.no_level")}</p>`;
  const levels = lines.flatMap(({ from, to }) => [/** @type {number} */ (from), /** @type {number} */ (to)]).concat(judged.levels.map(([, ft]) => ft));
  const pad = Math.max(500, judged.minima?.vertical_ft ?? 0);
  const [low, high] = [Math.min(...levels) - pad, Math.max(...levels) + pad];
  const x = (/** @type {number} */ s) => (LEFT + (s / end) * (WIDE - LEFT - 8)).toFixed(1);
  const y = (/** @type {number} */ ft) => (8 + ((high - ft) / (high - low)) * (HIGH - 30)).toFixed(1);
  const step = [500, 1000, 2000, 5000, 10000].find((ft) => (high - low) / ft <= 5) ?? 20000;
  const ticks = [];
  for (let ft = Math.ceil(low / step) * step; ft <= high; ft += step) ticks.push(ft);
  const first = lines[0];
  const band = judged.minima ? [[0, 1], [end, 1], [end, -1], [0, -1]].map(([s, sign]) => `${x(s)},${y(/** @type {number} */ (levelOf(first.track, judged, s)) + sign * /** @type {any} */ (judged.minima).vertical_ft)}`).join(" ") : "";
  const [into, out] = [judged.time_in_s, judged.time_out_s ?? judged.time_in_s];
  return html`<svg class="plan" viewBox=${`0 0 ${WIDE} ${HIGH}`} role="img" aria-label=${t("explain.profile_name")}>
    ${into !== null && out !== null && html`<rect class="below" x=${x(into)} width=${Math.max(1.5, Number(x(out)) - Number(x(into)))} y="8" height=${HIGH - 30} />`}
    ${band && html`<polygon class="minimum" points=${band} />`}
    ${ticks.map((ft) => html`<g key=${ft} class="scale"><line x1=${LEFT} x2=${WIDE - 8} y1=${y(ft)} y2=${y(ft)} /><text x=${LEFT - 4} y=${Number(y(ft)) + 3} class="end">${ft}</text></g>`)}
    ${lines.map(({ track, from, to }, k) => html`<g key=${track.number} class=${tone(track)}><line class="course solid" x1=${x(0)} y1=${y(/** @type {number} */ (from))} x2=${x(end)} y2=${y(/** @type {number} */ (to))} /><text class=${`name ${k ? "end" : "start"}`} x=${k ? WIDE - 12 : LEFT + 6} y=${Number(y(/** @type {number} */ (k ? to : from))) - 4}>${track.label}</text></g>`)}
    ${judged.levels.map(([number, ft]) => html`<line key=${number} class="between" x1=${x(0)} x2=${x(end)} y1=${y(ft)} y2=${y(ft)} />`)}
    <g class="scale"><text x=${LEFT} y=${HIGH - 6} class="start">0:00</text>${into !== null && html`<text x=${x(into)} y=${HIGH - 6} class="middle">${span(into)}</text>`}<text x=${WIDE - 8} y=${HIGH - 6} class="end">${span(end)}</text></g>
  </svg>`;
}
