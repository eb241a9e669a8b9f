// What an alert looks like on the map: from each aircraft its predicted path to where they come nearest, the two places
// there, and round each a circle of half the minimum: the circles overlap just when the minimum is lost. Between equals
// neither has the whole circle.

import { countdown, miles } from "../format.js";
import { courseOf, nearest, placeIn } from "./encounter.js";

/** @typedef {[number, number]} Spot x, y in pixels */
/**
 * @typedef {object} Geometry
 * @property {Spot | null} a
 * @property {Spot | null} b
 * @property {Spot} at where the node says it happens
 * @property {Spot[]} ends where each aircraft will be when they are nearest; empty when that is not known
 * @property {number} circlePx half the horizontal minimum; 0 not drawn
 * @property {string} level
 * @property {string} kind
 * @property {string} label
 */

/**
 * @param {Record<string, any>[]} alerts
 * @param {import("./tracks.js").Tracks} tracks
 * @param {{x: (east: number) => number, y: (north: number) => number}} screen
 * @param {import("./display-list.js").Camera} camera
 * @param {(latitude: number, longitude: number) => {east: number, north: number}} forward
 * @param {number} now
 * @param {(alert: Record<string, any>) => {horizontal_m: number} | null} [minimaOf]
 * @returns {Geometry[]}
 */
export function geometries(alerts, tracks, screen, camera, forward, now, minimaOf) {
  /** @type {Geometry[]} */
  const found = [];
  const rowOf = (/** @type {any} */ ref) => (ref && ref.number !== null ? tracks.rowOf.get(ref.number) : undefined);
  const spot = (/** @type {[number, number]} */ [east, north]) => /** @type {Spot} */ ([screen.x(east), screen.y(north)]);
  const place = (/** @type {number | undefined} */ row) => (row === undefined ? null : spot([tracks.east[row], tracks.north[row]]));
  for (const alert of alerts) {
    if (alert.state !== "active") continue;
    const [i, j] = [rowOf(alert.a), rowOf(alert.b)];
    const [a, b] = [place(i), place(j)];
    const { east, north } = forward(alert.latitude_e7 / 1e7, alert.longitude_e7 / 1e7);
    const at = spot([east, north]);
    if (![at, a, b].some((p) => p && p[0] > 0 && p[1] > 0 && p[0] < camera.width && p[1] < camera.height)) continue;
    const first = i === undefined ? null : courseOf(tracks, i);
    const second = j === undefined ? null : courseOf(tracks, j);
    const isPair = alert.kind === "conflict" && first && second;
    const inS = isPair ? nearest(first, second).inS : 0;
    const ends = isPair ? [spot(placeIn(first, inS)), spot(placeIn(second, inS))] : [];
    const minima = isPair ? (minimaOf?.(alert) ?? null) : null;
    const circlePx = minima ? (minima.horizontal_m / 1852 / 2) * camera.pxPerNm : 0;
    // Two warnings of one place: the more urgent one, which comes first, has the words.
    const crowded = found.some((g) => g.label && Math.abs(g.at[0] - at[0]) < 70 && Math.abs(g.at[1] - at[1]) < 18);
    const time = alert.event_at_ms === null ? "" : countdown(alert.event_at_ms, now);
    const distance = alert.kind !== "incursion" && alert.distance_m !== null ? miles(alert.distance_m) : "";
    found.push({ a, b, at, ends, circlePx, level: alert.level, kind: alert.kind, label: crowded ? "" : [time, distance].filter(Boolean).join(" ") });
  }
  return found;
}
