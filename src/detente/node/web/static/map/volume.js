// A volume that is being prepared: an outline of one of four shapes, levels with their datum, from and until; and the other
// volumes of the same activity. Pure; the node judges it again, and its word counts.

import { RADIUS_NM } from "./project.js";

const RAD = Math.PI / 180;
const CORNERS = 48;
export const POINTS_MAX = 100;
export const CELLS_MAX = 64;
export const VOLUMES_MAX = 16;
export const SHAPES = /** @type {const} */ (["polygon", "circle", "corridor"]);
/** What its owner protects is declared in tenths of a degree and in nothing finer. */
export const COARSE = /** @type {const} */ (["cells"]);
export const DATUMS = /** @type {const} */ (["pressure", "ellipsoid"]);
export const KINDS = /** @type {const} */ (["exercise", "flight", "hazard", "protected_site", "protected_movement"]);
export const isProtected = (/** @type {string} */ kind) => kind === "protected_site" || kind === "protected_movement";

/**
 * @typedef {[number, number]} LatLon degrees
 * @typedef {{shape: "polygon" | "circle" | "corridor" | "cells", points: LatLon[], radiusNm: number, widthNm: number, floor: number | null, ceiling: number | null, datum: string, startMs: number, endMs: number, kind: string, title: string, chosen: number}} Volume
 *   floor, ceiling: feet above 1013.25 hPa, or metres above the ellipsoid; null is open; radiusNm of a circle; widthNm whole width of a corridor; of cells the points are their middles
 */

/** @param {number} nowMs @returns {Volume} */
export function emptyVolume(nowMs) {
  const startMs = Math.ceil(nowMs / 900_000) * 900_000 + 3_600_000;
  return { shape: "polygon", points: [], radiusNm: 10, widthNm: 5, floor: null, ceiling: 10_000, datum: "pressure", startMs, endMs: startMs + 3_600_000, kind: "exercise", title: "", chosen: -1 };
}

/** Where one comes to from a place, along a great circle. @param {LatLon} from @param {number} degrees @param {number} miles @returns {LatLon} */
export function onward([latitude, longitude], degrees, miles) {
  const [d, course, lat] = [miles / RADIUS_NM, degrees * RAD, latitude * RAD];
  const sin = Math.sin(lat) * Math.cos(d) + Math.cos(lat) * Math.sin(d) * Math.cos(course);
  const turn = Math.atan2(Math.sin(course) * Math.sin(d) * Math.cos(lat), Math.cos(d) - Math.sin(lat) * sin);
  return [Math.asin(Math.max(-1, Math.min(1, sin))) / RAD, ((longitude + turn / RAD + 540) % 360) - 180];
}

/** What is drawn of it, closed rings of degrees; a corridor is a ring a leg. @param {Volume} volume @returns {LatLon[][]} */
export function outlines(volume) {
  const { shape, points } = volume;
  const round = (/** @type {LatLon} */ centre, /** @type {number} */ miles) =>
    Array.from({ length: CORNERS + 1 }, (_, k) => onward(centre, (360 * k) / CORNERS, miles));
  if (shape === "circle") return points.length ? [round(points[0], volume.radiusNm)] : [];
  if (shape === "polygon") return points.length > 1 ? [[...points, points[0]]] : [];
  if (shape === "cells") return points.map(cellRing);
  return points.slice(1).map((to, k) => leg(points[k], to, volume.widthNm / 2));
}

const TENTH = 0.1;
const SLACK = 1e-9; // 40.3 * 10 is not 403

/** A cell's south-west corner, tenths of a degree. @param {LatLon} point anywhere in it @returns {LatLon} */
export const cellOf = ([lat, lon]) => [Math.floor(lat * 10 + SLACK), Math.floor(lon * 10 + SLACK)];

/** @param {LatLon} point @returns {LatLon} the middle of its cell: what is finer is not even kept in the form */
export const cellMiddle = (point) => /** @type {LatLon} */ (cellOf(point).map((corner) => (corner + 0.5) * TENTH));

/** The middles of the cells that *points* lie in, each once. @param {LatLon[]} points @returns {LatLon[]} */
export const cellsOf = (points) => [...new Map(points.map((point) => [cellOf(point).join(), cellMiddle(point)])).values()];

/** @param {LatLon} point @returns {LatLon[]} */
function cellRing(point) {
  const [south, west] = cellOf(point);
  return [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]].map(([up, over]) => [(south + up) * TENTH, (west + over) * TENTH]);
}

const PART = /** @type {const} */ (["shape", "points", "radiusNm", "widthNm", "floor", "ceiling", "datum", "startMs", "endMs", "chosen"]);

/** What of the form is the volume that is open. @param {Record<string, any>} form @returns {Record<string, any>} */
const openPart = (form) => Object.fromEntries(PART.map((name) => [name, form[name]]));

/** All volumes of the activity in their order, the open one as it stands. @param {Record<string, any>} form @returns {Volume[]} */
export const volumesOf = (form) => /** @type {any[]} */ (form.parts ?? [null]).map((part, k) => (k === (form.at ?? 0) ? openPart(form) : part));

/** Another of its volumes in the form. @param {Record<string, any>} form @param {number} at */
export const turnedTo = (form, at) => ({ ...form, ...volumesOf(form)[at], parts: volumesOf(form), at, typed: {}, wrongLine: 0 });

/** One more volume, with the levels and times of the open one and no place yet. @param {Record<string, any>} form */
export const withOneMore = (form) => {
  const parts = [...volumesOf(form), /** @type {any} */ ({ ...openPart(form), points: [], chosen: -1 })];
  return turnedTo({ ...form, parts }, parts.length - 1);
};

/** @param {Record<string, any>} form of more than one volume */
export const withoutOpen = (form) => {
  const parts = volumesOf(form).filter((_, k) => k !== form.at);
  const at = Math.min(form.at, parts.length - 1);
  return { ...form, ...parts[at], parts, at, typed: {}, wrongLine: 0 };
};

/** Of another kind: a protected place is coarse in each of its volumes, any other has an outline. @param {Record<string, any>} form @param {string} kind @param {number} nowMs */
export function ofKind(form, kind, nowMs) {
  const shaped = (/** @type {Volume} */ part) => {
    if (isProtected(kind) === (part.shape === "cells")) return part;
    return isProtected(kind) ? { ...part, shape: "cells", points: cellsOf(part.points), chosen: -1 } : { ...part, shape: "polygon" };
  };
  const parts = volumesOf(form).map((part) => shaped(part));
  const { verified_ms, ...read } = form.read ?? {};
  return { ...form, ...parts[form.at ?? 0], parts, kind, typed: {}, wrongLine: 0, read: kind === "protected_site" ? { ...read, verified_ms: verified_ms ?? Math.trunc(nowMs) } : read };
}

/** The first volume that cannot be said yet, and why. @param {Record<string, any>} form @returns {{at: number, why: string} | null} */
export function firstWrong(form) {
  const found = volumesOf(form).map((part) => wrongWith(part)).entries();
  for (const [at, why] of found) if (why) return { at, why };
  return null;
}

/** A leg with its round ends. @param {LatLon} from @param {LatLon} to @param {number} half NM @returns {LatLon[]} */
function leg(from, to, half) {
  const out = course(from, to);
  const arc = (/** @type {LatLon} */ end, /** @type {number} */ first) => Array.from({ length: 13 }, (_, k) => onward(end, first + (180 * k) / 12, half));
  const ring = [...arc(to, out - 90), ...arc(from, course(to, from) - 90)];
  return [...ring, ring[0]];
}

/** @param {LatLon} from @param {LatLon} to */
function course([lat0, lon0], [lat1, lon1]) {
  const turn = (lon1 - lon0) * RAD;
  const [sin0, cos0, sin1, cos1] = [Math.sin(lat0 * RAD), Math.cos(lat0 * RAD), Math.sin(lat1 * RAD), Math.cos(lat1 * RAD)];
  return Math.atan2(Math.sin(turn) * cos1, cos0 * sin1 - sin0 * cos1 * Math.cos(turn)) / RAD;
}

/** Why it cannot be said yet, a name of the catalogue; "" when it can. @param {Volume} volume */
export function wrongWith(volume) {
  const { shape, points } = volume;
  if (points.length < { polygon: 3, circle: 1, corridor: 2, cells: 1 }[shape]) return "too_few_points";
  if (shape === "cells" && points.length > CELLS_MAX) return "too_many_cells";
  if (points.length > POINTS_MAX) return "too_many_points";
  if (shape === "polygon" && crossesItself(points)) return "crosses_itself";
  if (shape === "circle" && !(volume.radiusNm > 0 && volume.radiusNm <= 200)) return "radius";
  if (shape === "corridor" && !(volume.widthNm > 0 && volume.widthNm <= 200)) return "width";
  const { floor, ceiling } = volume;
  if (Number.isNaN(floor) || Number.isNaN(ceiling) || (floor !== null && ceiling !== null && floor >= ceiling)) return "levels";
  if (!(volume.endMs > volume.startMs)) return "times";
  return "";
}

/** @param {LatLon[]} points */
export function crossesItself(points) {
  const n = points.length;
  const side = (/** @type {LatLon} */ p, /** @type {LatLon} */ q, /** @type {LatLon} */ r) => Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  for (let i = 0; i < n; i++) {
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue;
      const [a, b, c, d] = [points[i], points[i + 1], points[j], points[(j + 1) % n]];
      if (side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)) return true;
    }
  }
  return false;
}

/** Coordinates a line: `43°41.2N 036°08.5E`, `434112N0360830E`, `43.687 36.142`. @param {string} text @returns {{points: LatLon[], wrong: number}} wrong: number of the first line that is none; 0 all are */
export function readPoints(text) {
  /** @type {LatLon[]} */
  const points = [];
  for (const [k, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const point = readPoint(line);
    if (!point) return { points, wrong: k + 1 };
    points.push(point);
  }
  return { points, wrong: 0 };
}

const DECIMAL = /^\s*(-?\d{1,2}(?:\.\d+)?)[\s,;]+(-?\d{1,3}(?:\.\d+)?)\s*$/;
const PACKED = /^\s*(\d{2})(\d{2})(\d{2}(?:\.\d+)?)?([NS])\s*(\d{3})(\d{2})(\d{2}(?:\.\d+)?)?([EW])\s*$/i;
const MINUTES = /^\s*(\d{1,2})[°\s]\s*(\d{1,2}(?:\.\d+)?)['′\s]*([NS])[\s,]*(\d{1,3})[°\s]\s*(\d{1,2}(?:\.\d+)?)['′\s]*([EW])\s*$/i;

/** @param {string} line @returns {LatLon | null} */
export function readPoint(line) {
  const signed = (/** @type {string} */ side, /** @type {number} */ value) => (/[SW]/i.test(side) ? -value : value);
  let match = DECIMAL.exec(line);
  if (match) return onGlobe(Number(match[1]), Number(match[2]));
  match = PACKED.exec(line);
  if (match) return sixty([match[2], match[3] ?? "0", match[6], match[7] ?? "0"]) && onGlobe(signed(match[4], Number(match[1]) + Number(match[2]) / 60 + Number(match[3] ?? 0) / 3600), signed(match[8], Number(match[5]) + Number(match[6]) / 60 + Number(match[7] ?? 0) / 3600));
  match = MINUTES.exec(line);
  if (match) return sixty([match[2], match[5]]) && onGlobe(signed(match[3], Number(match[1]) + Number(match[2]) / 60), signed(match[6], Number(match[4]) + Number(match[5]) / 60));
  return null;
}

/** @param {string[]} parts */
const sixty = (parts) => (parts.every((part) => Number(part) < 60) ? true : null);

/** @param {number} latitude @param {number} longitude @returns {LatLon | null} */
const onGlobe = (latitude, longitude) => (Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [latitude, longitude] : null);

/** Coordinates as they are written back: whole seconds would move a corner by 15 m, so a thousandth of a minute. @param {LatLon[]} points */
export const writePoints = (points) =>
  points.map(([lat, lon]) => {
    const part = (/** @type {number} */ v, /** @type {number} */ width, /** @type {string} */ marks) => {
      const thousandths = Math.round(Math.abs(v) * 60_000);
      return `${String(Math.trunc(thousandths / 60_000)).padStart(width, "0")}°${((thousandths % 60_000) / 1000).toFixed(3).padStart(6, "0")}${marks[v < 0 ? 1 : 0]}`;
    };
    return `${part(lat, 2, "NS")} ${part(lon, 3, "EW")}`;
  }).join("\n");

/** The shape of the first polygon, line with a half width, or point with a radius of a GeoJSON text. @param {string} text @returns {Partial<Volume> | null} null when it is none */
export function readGeoJson(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    return null;
  }
  const feature = given?.type === "FeatureCollection" ? given.features?.[0] : given;
  const geometry = feature?.type === "Feature" ? feature.geometry : feature;
  const properties = feature?.properties ?? {};
  const pair = (/** @type {any} */ at) => (Array.isArray(at) && Number.isFinite(at[0]) && Number.isFinite(at[1]) ? onGlobe(at[1], at[0]) : null);
  const all = (/** @type {any} */ list) => {
    const points = Array.isArray(list) && list.length <= POINTS_MAX + 1 ? list.map(pair) : [null];
    return points.every((point) => point !== null) ? /** @type {LatLon[]} */ (points) : null;
  };
  const common = { ...(Number.isFinite(properties.floor_ft) ? { floor: properties.floor_ft } : {}), ...(Number.isFinite(properties.ceiling_ft) ? { ceiling: properties.ceiling_ft } : {}), ...(typeof properties.name === "string" ? { title: properties.name.slice(0, 120) } : {}) };
  if (geometry?.type === "Polygon") {
    const ring = all(geometry.coordinates?.[0]);
    return ring && { ...common, shape: "polygon", points: ring.slice(0, -1) };
  }
  if (geometry?.type === "LineString") {
    const line = all(geometry.coordinates);
    return line && { ...common, shape: "corridor", points: line, ...(Number.isFinite(properties.half_width_m) ? { widthNm: (2 * properties.half_width_m) / 1852 } : {}) };
  }
  if (geometry?.type === "Point") {
    const centre = pair(geometry.coordinates);
    return centre && { ...common, shape: "circle", points: [centre], ...(Number.isFinite(properties.radius_m) ? { radiusNm: properties.radius_m / 1852 } : {}) };
  }
  return null;
}
