// The vertical strip: levels of a pair against time, with the band in which the minimum is lost and the seconds during
// which they are also too near on the map. It stands in place of a third dimension.

import { html } from "../html.js";
import { state } from "../store.js";
import { t } from "../i18n.js";
import { level, span } from "../format.js";
import { code } from "../words.js";
import { courseOf, nearest, within } from "./encounter.js";
import { kindOf } from "./display-list.js";
import { minimaOf } from "./minima.js";
import { labelOf } from "./tracks.js";

/** @typedef {import("./encounter.js").Course} Course */

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [300, 170, 38, 18];

/**
 * What the strip shows, in seconds and feet; null when either level is not known.
 * @param {Course} a @param {Course} b @param {number | null} minimaFt @param {number | null} minimaM
 */
export function levels(a, b, minimaFt, minimaM) {
  if (a.feet === null || b.feet === null) return null;
  const cpaS = nearest(a, b).inS;
  const spanS = Math.min(1200, Math.max(120, Math.ceil((cpaS * 1.4) / 60) * 60));
  const end = (/** @type {Course} */ course) => /** @type {number} */ (course.feet) + course.climbFps * spanS;
  const line = (/** @type {Course} */ course) => [[0, /** @type {number} */ (course.feet)], [spanS, end(course)]];
  const margin = minimaFt ?? 500;
  const all = [a.feet, b.feet, end(a), end(b)];
  return {
    spanS, cpaS, a: line(a), b: line(b), lowFt: Math.min(...all) - margin, highFt: Math.max(...all) + margin,
    // Where b would be too near in level to a: below the minimum means strictly inside.
    bandFt: minimaFt, near: minimaM === null ? null : within(a, b, minimaM / 1852),
  };
}

/** The conflict that is shown: the focused one, else one that names the selected track. @returns {Record<string, any> | null} */
function pair() {
  const rows = (state.board?.alerts ?? []).filter((/** @type {any} */ row) => row.state === "active" && row.kind === "conflict");
  return rows.find((/** @type {any} */ row) => row.alert === state.focusAlert) ?? rows.find((/** @type {any} */ row) => state.selected !== null && [row.a.number, row.b?.number].includes(state.selected)) ?? null;
}

export function verticalStrip() {
  const row = pair();
  const tracks = state.tracks;
  const [i, j] = [tracks?.rowOf.get(row?.a.number), tracks?.rowOf.get(row?.b?.number)];
  if (!row || !tracks || i === undefined || j === undefined || state.preview) return "";
  const [a, b] = [courseOf(tracks, i), courseOf(tracks, j)];
  const minima = minimaOf(row);
  const strip = a && b ? levels(a, b, minima?.vertical_ft ?? null, minima?.horizontal_m ?? null) : null;
  const names = html`${code(labelOf(tracks, i))} <span class="muted">×</span> ${code(labelOf(tracks, j))}`;
  const kinds = [i, j].map((k) => kindOf(tracks.declaredBy[k]));
  return html`<figure class="vertical"><figcaption>${t("vertical.title")} ${names}</figcaption>
    ${strip ? picture(strip, kinds) : html`<p class="text-caution">${t("status.not_assessed")}</p>`}</figure>`;
}

/** @param {NonNullable<ReturnType<typeof levels>>} strip @param {number[]} kinds */
function picture({ spanS, cpaS, a, b, lowFt, highFt, bandFt, near }, kinds) {
  const x = (/** @type {number} */ s) => LEFT + (s / spanS) * (WIDTH - LEFT - 6);
  const y = (/** @type {number} */ ft) => 6 + ((highFt - ft) / (highFt - lowFt)) * (HEIGHT - BOTTOM - 6);
  const path = (/** @type {number[][]} */ line) => line.map(([s, ft], k) => `${k ? "L" : "M"}${x(s).toFixed(1)} ${y(ft).toFixed(1)}`).join("");
  const lineOf = (/** @type {number} */ kind) => `v-line p-${kind > 7 ? "unknown" : kind === 0 ? 0 : ((kind - 1) % 2) + 1}`;
  const step = [200, 500, 1000, 2000, 5000, 10_000].find((ft) => (highFt - lowFt) / ft <= 6) ?? 20_000;
  const marks = Array.from({ length: 8 }, (_, k) => (Math.floor(lowFt / step) + 1 + k) * step).filter((ft) => ft < highFt);
  const minutes = Array.from({ length: 6 }, (_, k) => (k * spanS) / 5);
  const said = t("vertical.said", { a: level(a[0][1]), b: level(b[0][1]), at: span(cpaS), apart: Math.round(Math.abs(a[0][1] + ((a[1][1] - a[0][1]) * cpaS) / spanS - b[0][1] - ((b[1][1] - b[0][1]) * cpaS) / spanS)) });
  return html`<svg role="img" aria-label=${said} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} width=${WIDTH} height=${HEIGHT}>
    ${marks.map((ft) => html`<g key=${ft}><line class="tick" x1=${LEFT} x2=${WIDTH - 6} y1=${y(ft)} y2=${y(ft)} /><text x=${LEFT - 4} y=${y(ft) + 4} text-anchor="end">${level(ft)}</text></g>`)}
    ${minutes.map((s) => html`<text key=${`s${s}`} x=${x(s)} y=${HEIGHT - 4} text-anchor=${s === spanS ? "end" : "middle"}>${span(s)}</text>`)}
    ${near && html`<rect class="v-near" x=${x(Math.min(near[0], spanS))} width=${Math.max(0, x(Math.min(near[1], spanS)) - x(Math.min(near[0], spanS)))} y="6" height=${HEIGHT - BOTTOM - 6} />`}
    ${bandFt !== null && html`<path class="v-band" d=${`${path(a.map(([s, ft]) => [s, ft + bandFt]))}${path([...a].reverse().map(([s, ft]) => [s, ft - bandFt])).replace("M", "L")}Z`} />`}
    <line class="v-cpa" x1=${x(cpaS)} x2=${x(cpaS)} y1="6" y2=${HEIGHT - BOTTOM} />
    <path class=${lineOf(kinds[0])} d=${path(a)} /><path class=${`${lineOf(kinds[1])} v-second`} d=${path(b)} />
  </svg><p class="small num">${said}</p>`;
}
