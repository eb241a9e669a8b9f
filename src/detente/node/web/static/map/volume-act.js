// The prepared volumes as the table takes them: whole numbers of 1e-7 degree, centimetres, feet and milliseconds.

import { cellMiddle, cellOf, volumesOf } from "./volume.js";

/** @typedef {import("./volume.js").Volume} Volume */

/** @param {number} nm */
const centimetres = (nm) => Math.round(nm * 185_200);

/** @param {Volume} volume @returns {Record<string, any>} */
function volumeOf({ shape, points, radiusNm, widthNm, floor, ceiling, datum, startMs, endMs }) {
  const places = points.map(([lat, lon]) => [Math.round(lat * 1e7), Math.round(lon * 1e7)]);
  const outline = { polygon: { vertices: places }, circle: { centre: places[0], radius_cm: centimetres(radiusNm) }, corridor: { line: places, half_width_cm: centimetres(widthNm / 2) }, cells: { cells: points.map(cellOf) } }[shape];
  const metres = (/** @type {number | null} */ m) => (m === null ? null : Math.round(m * 100));
  const feet = (/** @type {number | null} */ ft) => (ft === null ? null : Math.round(ft));
  const levels = datum === "pressure" ? { datum, floor_ft: feet(floor), ceiling_ft: feet(ceiling) } : { datum, floor_cm: metres(floor), ceiling_cm: metres(ceiling) };
  return { outline: { shape, ...outline }, levels, start_ms: startMs, end_ms: endMs };
}

/** The act that declares it, or puts it in the place of an own plan; without the key of what it meets. @param {Record<string, any>} form `read`: what of a plan the form does not show; `changes`: the activity that is changed, and the digest of its newest plan; `gives`: the one whose place is given @returns {Record<string, any>} */
export function declared(form) {
  if (form.gives) return { act: "activity.give_place", activity: form.gives, volumes: volumesOf(form).map(volumeOf) };
  const plan = { ...form.read, kind: form.kind, title: form.title.trim() || "-", volumes: volumesOf(form).map(volumeOf) };
  return form.changes ? { act: "activity.change", activity: form.changes.activity, after: form.changes.digest, plan } : { act: "activity.declare", plan };
}

/** What the table's dialog lays before the person: the plan, with the key of all that it meets and that was shown. @param {Record<string, any>} form @returns {Record<string, any>} */
export function draftOf(form) {
  const { act, ...fixed } = declared(form);
  return { act, fixed: form.gives ? fixed : { ...fixed, key: form.said?.key ?? [] }, about: form.title, shown: form.said, values: {}, refusal: "", isDrawn: true };
}

const MILE_CM = 185_200;

/** A plan as the form takes it: its first volume open, the others beside it. @param {Record<string, any>} plan @returns {Record<string, any>} */
export function volumeOfPlan({ volumes, kind, title, ...read }) {
  const parts = volumes.map(partOf);
  return { ...parts[0], parts, at: 0, kind, title, read };
}

/** @param {Record<string, any>} volume @returns {Record<string, any>} */
function partOf({ outline, levels, start_ms, end_ms }) {
  const places = outline.cells ? outline.cells.map((/** @type {number[]} */ [lat, lon]) => cellMiddle([(lat + 0.5) / 10, (lon + 0.5) / 10])) : (outline.vertices ?? outline.line ?? [outline.centre]).map((/** @type {number[]} */ [lat, lon]) => [lat / 1e7, lon / 1e7]);
  const isFeet = levels.datum === "pressure";
  const level = (/** @type {string} */ name) => {
    const value = levels[`${name}_${isFeet ? "ft" : "cm"}`] ?? null;
    return value === null || isFeet ? value : value / 100;
  };
  return {
    shape: outline.shape, points: places, datum: levels.datum, floor: level("floor"), ceiling: level("ceiling"), startMs: start_ms, endMs: end_ms, chosen: -1,
    radiusNm: outline.radius_cm ? outline.radius_cm / MILE_CM : 10, widthNm: outline.half_width_cm ? (2 * outline.half_width_cm) / MILE_CM : 5,
  };
}
