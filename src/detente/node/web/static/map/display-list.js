// What is to be seen, as plain arrays in screen pixels: no canvas, no document, no clock. The painter draws it, tests
// compare it. Shape and colour say who declared a track, nothing else.

import { labelOf, feetOf, callsignOf, identityOf, MARK } from "./tracks.js";
import { placeLabels } from "./labels.js";
import { isOn, passes } from "./filter.js";
import { geometries } from "./geometry.js";
import { level as hundreds } from "../format.js";

export const NOBODY = 255;
export const KIND_UNKNOWN = 8; // kinds 0…7: party by index, own first
export const DOTS_ABOVE = 4000;
const LABELS_TRIED = 1200;
const BAND = 1e5;

const LEVELS = ["caution", "warning", "alarm"];

/**
 * @typedef {{east: number, north: number, pxPerNm: number, width: number, height: number}} Camera
 * @typedef {{rank: number, level: string, acknowledged: boolean}} Concern
 */

/** @param {number} declaredBy */
export const kindOf = (declaredBy) => (declaredBy === NOBODY ? KIND_UNKNOWN : Math.min(declaredBy, KIND_UNKNOWN - 1));

/** @param {Camera} camera */
export const toScreen = (camera) => ({
  x: (/** @type {number} */ east) => camera.width / 2 + (east - camera.east) * camera.pxPerNm,
  y: (/** @type {number} */ north) => camera.height / 2 - (north - camera.north) * camera.pxPerNm,
});

/** Which tracks an active alert names, with the highest level each. @param {Record<string, any>[]} alerts @param {string} party */
export function concerns(alerts, party) {
  /** @type {Map<number, Concern>} */
  const found = new Map();
  for (const row of alerts) {
    if (row.state !== "active") continue;
    const rank = LEVELS.indexOf(row.level);
    const own = row.halves.find((/** @type {any} */ half) => half.party === party);
    for (const ref of [row.a, row.b]) {
      if (!ref || ref.number === null) continue;
      const before = found.get(ref.number);
      if (!before || before.rank < rank) found.set(ref.number, { rank, level: row.level, acknowledged: Boolean(own?.acknowledged_at_ms) });
    }
  }
  return found;
}

/**
 * @param {object} scene
 * @param {import("./tracks.js").Tracks} scene.tracks projected
 * @param {Camera} scene.camera
 * @param {Record<string, any>[]} scene.alerts
 * @param {string} scene.party our own id
 * @param {Record<string, any>} scene.show what the desk wants to see
 * @param {number | null} scene.selected
 * @param {number | null} scene.hovered
 * @param {number} scene.now milliseconds UTC
 * @param {import("./history.js").History | null} scene.history
 * @param {(latitude: number, longitude: number) => {east: number, north: number}} scene.forward
 * @param {string[]} scene.partyNames by index
 * @param {string} [scene.madeUp] what is said at a track that no sensor saw
 * @param {boolean} [scene.quick] without labels: while the map is dragged they would only smear
 * @param {number[][]} [scene.taken] boxes where no label may stand
 * @param {import("./filter.js").Filter} [scene.filter]
 * @param {(east: number, north: number) => number} [scene.nearness] which labels come first: near a line, in an activity
 * @param {(alert: Record<string, any>) => {horizontal_m: number} | null} [scene.minimaOf] by which a conflict was judged
 */
export function displayList({ tracks, camera, alerts, party, show, selected, hovered, now, history, forward, partyNames, madeUp, taken, quick, filter, nearness, minimaOf }) {
  const screen = toScreen(camera);
  const concern = concerns(alerts, party);
  const kinds = KIND_UNKNOWN + 1;
  const lists = () => Array.from({ length: kinds }, () => /** @type {number[]} */ ([]));
  const list = {
    dots: lists(), symbols: lists(), stale: lists(), vectors: lists(), trails: lists(), past: lists(),
    secondary: lists(), ties: /** @type {number[]} */ ([]), shared: /** @type {number[]} */ ([]),
    emergencies: /** @type {number[]} */ ([]),
    letters: /** @type {{x: number, y: number, text: string, kind: number}[]} */ ([]),
    ringed: /** @type {{x: number, y: number, level: string, acknowledged: boolean}[]} */ ([]),
    boxes: /** @type {{x: number, y: number, strong: boolean}[]} */ ([]),
    geometry: /** @type {import("./geometry.js").Geometry[]} */ ([]),
    labels: /** @type {import("./labels.js").Placed[]} */ ([]),
    shown: 0, total: 0, hidden: 0, labelsLeftOut: 0, dotsOnly: false,
  };

  const hiding = filter && isOn(filter) ? filter : null;
  const isKept = (/** @type {number} */ i) => !hiding || passes(tracks, i, hiding) || concern.has(tracks.number[i]) || tracks.number[i] === selected || (tracks.flags[i] & MARK.EMERGENCY) !== 0;
  const { rows, shown, total, hidden } = inView(tracks, camera, screen, isKept);
  list.dotsOnly = shown > DOTS_ABOVE;
  Object.assign(list, { shown, total, hidden });
  /** @type {{order: number, i: number, level: string, must: boolean}[]} */
  const wanted = [];
  /** @type {number[][]} */
  const obstacles = [...(taken ?? [])];

  for (const i of rows) {
    const number = tracks.number[i];
    const x = screen.x(tracks.east[i]);
    const y = screen.y(tracks.north[i]);
    const flags = tracks.flags[i];
    const kind = kindOf(tracks.declaredBy[i]);
    const raised = concern.get(number);
    const special = raised !== undefined || number === selected || number === hovered;
    if (flags & MARK.SECONDARY) {
      // The same aircraft as another party holds it: drawn too, smaller, and tied to the track that stands for it.
      const row = tracks.rowOf.get(tracks.sameAs[i]);
      if (row !== undefined && !list.dotsOnly) list.ties.push(x, y, screen.x(tracks.east[row]), screen.y(tracks.north[row]));
      if (!list.dotsOnly || special) list.secondary[kind].push(x, y);
      if (!special) continue;
    }
    if (list.dotsOnly && !special && kind !== KIND_UNKNOWN && !(flags & MARK.EMERGENCY)) {
      list.dots[kind].push(x, y);
      continue;
    }
    const isStale = (flags & MARK.STALE) !== 0;
    if (!(flags & MARK.SECONDARY)) (isStale ? list.stale : list.symbols)[kind].push(x, y);
    if (kind > 2 && kind < KIND_UNKNOWN) list.letters.push({ x, y, text: (partyNames[kind] ?? "?").slice(0, 1), kind });
    if (tracks.other[i]) list.shared.push(x, y);
    if (flags & MARK.EMERGENCY) list.emergencies.push(x, y);
    if (!isStale && show.vectorMin > 0) vector(list.vectors[kind], tracks, i, x, y, camera.pxPerNm, show.vectorMin);
    if (history && !list.dotsOnly) past(list, history, number, kind, screen, show.trails || number === selected);
    if (rows.length <= LABELS_TRIED) obstacles.push([x - 5, y - 5, x + 5, y + 5]); // a label over another's symbol takes it away
    if (raised) {
      list.ringed.push({ x, y, level: raised.level, acknowledged: raised.acknowledged });
      obstacles.push([x - 12, y - 12, x + 12, y + 12]);
    }
    if (number === selected) list.boxes.push({ x, y, strong: true });
    else if (number === hovered) list.boxes.push({ x, y, strong: false });
    if (show.labels === "off" && !special) continue;
    // Alert, selected, hovered, near the line, inside an activity, nearest to the centre; each band beyond any distance.
    const order = raised ? -10 - raised.rank : number === selected ? -5 : number === hovered ? -4
      : distanceOrder(x, y, camera) + BAND * (2 - (nearness?.(tracks.east[i], tracks.north[i]) ?? 0));
    wanted.push({ order, i, level: raised?.level ?? "", must: special });
  }

  list.geometry = geometries(alerts, tracks, screen, camera, forward, now, minimaOf);
  for (const { at, label } of list.geometry) if (label) obstacles.push([at[0] - 45, at[1] + 8, at[0] + 45, at[1] + 26]);
  if (quick) return list;
  // On a crowded map only the nearest to the centre get a try; the rest are counted as left out.
  wanted.sort((p, q) => p.order - q.order);
  const tried = wanted.slice(0, LABELS_TRIED).map(({ i, level, must }) => ({
    x: screen.x(tracks.east[i]), y: screen.y(tracks.north[i]), kind: kindOf(tracks.declaredBy[i]), level, must,
    lines: lines(tracks, i, tracks.number[i] === selected || show.lines, partyNames, madeUp),
  }));
  const { placed } = placeLabels(tried, { all: show.labels === "all", obstacles });
  list.labels = placed;
  list.labelsLeftOut = wanted.length - placed.length;
  return list;
}

/** @typedef {ReturnType<typeof displayList>} DisplayList */

/** Rows on the screen that are to be seen; of aircraft, not of tracks: how many are shown, are there, are hidden by the filter. @param {import("./tracks.js").Tracks} tracks @param {Camera} camera @param {ReturnType<typeof toScreen>} screen @param {(i: number) => boolean} isKept */
function inView(tracks, camera, screen, isKept) {
  const rows = [];
  let [shown, total, hidden] = [0, 0, 0];
  for (let i = 0; i < tracks.n; i++) {
    const x = screen.x(tracks.east[i]);
    const y = screen.y(tracks.north[i]);
    const counts = tracks.flags[i] & MARK.SECONDARY ? 0 : 1;
    total += counts;
    if (!(x > -8 && y > -8 && x < camera.width + 8 && y < camera.height + 8)) continue;
    if (!isKept(i)) {
      hidden += counts;
      continue;
    }
    shown += counts;
    rows.push(i);
  }
  return { rows, shown, total, hidden };
}

/** @param {number} x @param {number} y @param {Camera} camera */
const distanceOrder = (x, y, camera) => Math.hypot(x - camera.width / 2, y - camera.height / 2);

/** Where it will be in *minutes* at this speed. @param {number[]} out @param {import("./tracks.js").Tracks} tracks @param {number} i @param {number} x @param {number} y @param {number} pxPerNm @param {number} minutes */
function vector(out, tracks, i, x, y, pxPerNm, minutes) {
  const run = (tracks.gsKt[i] / 60) * minutes * pxPerNm;
  if (!(run > 7)) return; // NaN, or hidden under the symbol
  const heading = (tracks.trkDeg[i] * Math.PI) / 180 - tracks.lean[i];
  const [dx, dy] = [Math.sin(heading), -Math.cos(heading)];
  out.push(x + dx * 6, y + dy * 6, x + dx * run, y + dy * run);
}

/** @param {{trails: number[][], past: number[][]}} list @param {import("./history.js").History} history @param {number} number @param {number} kind @param {ReturnType<typeof toScreen>} screen @param {boolean} asTrail */
function past(list, history, number, kind, screen, asTrail) {
  let [lastX, lastY] = [NaN, NaN];
  let k = 0;
  history.places(number, asTrail ? 24 : 10, (east, north) => {
    const [x, y] = [screen.x(east), screen.y(north)];
    if (asTrail && !Number.isNaN(lastX)) list.trails[kind].push(lastX, lastY, x, y);
    if (!asTrail && k % 2 === 1) list.past[kind].push(x, y); // five dots, ten seconds apart
    [lastX, lastY] = [x, y];
    k += 1;
  });
}

/** The label's lines. @param {import("./tracks.js").Tracks} tracks @param {number} i @param {boolean} full @param {string[]} partyNames @param {string} madeUp said of a track that no sensor saw */
export function lines(tracks, i, full, partyNames, madeUp = "") {
  const feet = feetOf(tracks, i);
  const climb = tracks.vsFpm[i];
  const arrow = climb > 200 ? "↑" : climb < -200 ? "↓" : " ";
  const speed = Number.isFinite(tracks.gsKt[i]) ? String(Math.round(tracks.gsKt[i] / 10)).padStart(2, "0") : "--";
  const stale = tracks.flags[i] & MARK.STALE ? ` ~${Math.round(tracks.ageS[i])}s` : "";
  const unjudged = tracks.notAssessed[i] ? " ?" : "";
  const text = [`${labelOf(tracks, i)}${unjudged}`, `${hundreds(feet)}${arrow}${speed}${stale}`];
  if (tracks.flags[i] & MARK.SYNTHETIC) text.push(madeUp);
  if (!full) return text;
  const heading = Number.isFinite(tracks.trkDeg[i]) ? String(Math.round(tracks.trkDeg[i]) % 360).padStart(3, "0") : "---";
  const named = callsignOf(tracks, i) ? identityOf(tracks, i) : "";
  const held = partyNames.filter((_, p) => p === tracks.party[i] || (tracks.other[i] >> p) & 1).join("+");
  text.push(`H${heading} ${named}`.trimEnd(), `${held} ${tracks.ageS[i].toFixed(1)}s`);
  return text;
}

/** The nearest track within reach of a pointer, or null. @param {import("./tracks.js").Tracks} tracks @param {Camera} camera @param {number} x @param {number} y @param {import("./filter.js").Filter} [filter] what it hides cannot be pointed at */
export function trackAt(tracks, camera, x, y, filter, reachPx = 12) {
  const screen = toScreen(camera);
  let [best, found] = [reachPx * reachPx, /** @type {number | null} */ (null)];
  for (let i = 0; i < tracks.n; i++) {
    if (filter && !passes(tracks, i, filter)) continue;
    const [dx, dy] = [screen.x(tracks.east[i]) - x, screen.y(tracks.north[i]) - y];
    const far = dx * dx + dy * dy;
    if (far < best) [best, found] = [far, tracks.number[i]];
  }
  return found;
}
