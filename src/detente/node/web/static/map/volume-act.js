// A prepared volume as the table takes it: whole numbers of 1e-7 degree, centimetres, feet and milliseconds.

/** @typedef {import("./volume.js").Volume} Volume */

const DECLARE = "activity.declare";

/** @param {number} nm */
const centimetres = (nm) => Math.round(nm * 185_200);

/** @param {Volume} volume @returns {Record<string, any>} */
function volumeOf({ shape, points, radiusNm, widthNm, floor, ceiling, datum, startMs, endMs }) {
  const places = points.map(([lat, lon]) => [Math.round(lat * 1e7), Math.round(lon * 1e7)]);
  const outline = { polygon: { vertices: places }, circle: { centre: places[0], radius_cm: centimetres(radiusNm) }, corridor: { line: places, half_width_cm: centimetres(widthNm / 2) } }[shape];
  const metres = (/** @type {number | null} */ m) => (m === null ? null : Math.round(m * 100));
  const feet = (/** @type {number | null} */ ft) => (ft === null ? null : Math.round(ft));
  const levels = datum === "pressure" ? { datum, floor_ft: feet(floor), ceiling_ft: feet(ceiling) } : { datum, floor_cm: metres(floor), ceiling_cm: metres(ceiling) };
  return { outline: { shape, ...outline }, levels, start_ms: startMs, end_ms: endMs };
}

/** The act that declares it, without the key of what it meets. @param {Volume & Record<string, any>} volume `further`, `read`: what came with a text that was read @returns {Record<string, any>} */
export const declared = (volume) => ({ act: DECLARE, plan: { ...volume.read, kind: volume.kind, title: volume.title.trim() || "-", volumes: [volumeOf(volume), ...(volume.further ?? [])] } });

/** What the table's dialog lays before the person: the plan, with the key of all that it meets and that was shown. @param {Volume & Record<string, any>} volume @returns {Record<string, any>} */
export const draftOf = (volume) => ({
  act: DECLARE, fixed: { plan: declared(volume).plan, key: volume.said?.key ?? [] }, about: volume.title, shown: volume.said, values: {}, refusal: "",
});

const MILE_CM = 185_200;

/** A plan that the node has read, as the form takes it: its first volume to be drawn, the rest kept as they are. @param {Record<string, any>} plan @returns {Record<string, any>} */
export function volumeOfPlan({ volumes, kind, title, ...read }) {
  const [{ outline, levels, start_ms, end_ms }, ...further] = volumes;
  const places = (outline.vertices ?? outline.line ?? [outline.centre]).map((/** @type {number[]} */ [lat, lon]) => [lat / 1e7, lon / 1e7]);
  const isFeet = levels.datum === "pressure";
  const level = (/** @type {string} */ name) => {
    const value = levels[`${name}_${isFeet ? "ft" : "cm"}`] ?? null;
    return value === null || isFeet ? value : value / 100;
  };
  return {
    shape: outline.shape, points: places, datum: levels.datum, floor: level("floor"), ceiling: level("ceiling"), startMs: start_ms, endMs: end_ms, kind, title, further, read,
    ...(outline.radius_cm ? { radiusNm: outline.radius_cm / MILE_CM } : {}), ...(outline.half_width_cm ? { widthNm: (2 * outline.half_width_cm) / MILE_CM } : {}),
  };
}
