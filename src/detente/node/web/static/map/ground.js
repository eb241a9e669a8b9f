// What lies under the tracks and rarely changes: land, rings, notified lines and zones with who asserts them, activities
// with who declared them.

import { tracePath } from "./shapes.js";
import { toScreen } from "./display-list.js";
import { clock, level } from "../format.js";

const FACE = '"Plex Mono", monospace';

/** A zone with its corners in the map's plane. @param {Record<string, any>} zone @param {import("./project.js").Projection} projection @param {string[]} parties ids by index */
export function placedZone(zone, projection, parties) {
  const rings = zone.rings.map((/** @type {number[][]} */ ring) =>
    ring.map(([latitude, longitude]) => {
      const { east, north } = projection.forward(latitude / 1e7, longitude / 1e7);
      return [east, north];
    }));
  return { ...zone, rings, kindOfParty: Math.max(0, parties.indexOf(zone.asserted_by)) };
}

/** One volume of an activity with its corners in the map's plane. @param {Record<string, any>} area as `activityAreas` makes it @param {import("./project.js").Projection} projection @param {string[]} parties ids by index @param {string} said its state in words */
export function placedActivity(area, projection, parties, said) {
  const hour = (/** @type {number} */ ms) => clock(ms).slice(0, 5).replace(":", "");
  const zone = { ...area, kind: "activity", margin_m: 0, asserted_by: area.party, name: [area.title, said, `${hour(area.start_ms)}-${hour(area.end_ms)}Z`].join(" ") };
  return placedZone(zone, projection, parties);
}

/** @param {any} zone */
const isArea = (zone) => zone.kind === "zone" || zone.kind === "activity";

/** Where a zone's name goes: a line's beside the corner nearest the middle of the view, an area's in its upper left. @param {any} zone @param {import("./display-list.js").Camera} camera @param {ReturnType<typeof toScreen>} screen @returns {[number, number] | null} */
export function namePlace(zone, camera, screen) {
  /** @type {[number, number][]} */
  const corners = (zone.rings[0] ?? []).map((/** @type {number[]} */ [e, n]) => /** @type {[number, number]} */ ([screen.x(e), screen.y(n)]));
  const seen = corners.filter(([x, y]) => x > 0 && y > 60 && x < camera.width - 120 && y < camera.height - 60);
  if (!seen.length) return null;
  if (isArea(zone)) {
    const left = Math.min(...corners.map(([x]) => x));
    const top = Math.min(...corners.map(([, y]) => y));
    return [Math.max(8, left) + 6, Math.max(60, top) + 6];
  }
  const upper = seen.reduce((p, q) => (q[1] < p[1] ? q : p));
  // Each party's line has its name at its own height: two lines that disagree often run side by side.
  return [upper[0] + 10, upper[1] + 8 + 34 * zone.kindOfParty];
}

/** A zone's name with who asserts it, and its levels. @param {any} zone @param {string[]} partyNames */
export function zoneLines(zone, partyNames) {
  const isMetric = zone.datum === "ellipsoid";
  const [floor, ceiling] = isMetric ? [zone.floor_cm, zone.ceiling_cm] : [zone.floor_ft, zone.ceiling_ft];
  const open = (/** @type {number | null} */ value, /** @type {string} */ word) => (value === null ? word : value === 0 && !isMetric ? "GND" : isMetric ? `${Math.round(value / 100)}m` : `FL${level(value)}`);
  const levels = floor === null && ceiling === null ? "" : `${open(floor, "GND")}-${open(ceiling, "UNL")}${isMetric ? " W84" : ""}`;
  return [`${zone.name} · ${partyNames[zone.kindOfParty] ?? zone.asserted_by}`, levels].filter(Boolean);
}

/** Where track labels must not stand: the names of zones, the tools above and the status line below. @param {any[]} zones @param {import("./display-list.js").Camera} camera @param {string[]} partyNames @returns {number[][]} */
export function takenByGround(zones, camera, partyNames) {
  const screen = toScreen(camera);
  const boxes = [[0, 0, camera.width, 64], [0, camera.height - 24, camera.width, camera.height]];
  for (const zone of zones) {
    const at = namePlace(zone, camera, screen);
    if (!at) continue;
    const lines = zoneLines(zone, partyNames);
    const width = 14 + Math.max(...lines.map((line) => line.length)) * 6.7;
    boxes.push([at[0], at[1], at[0] + width, at[1] + lines.length * 14]);
  }
  return boxes;
}

/**
 * @param {CanvasRenderingContext2D} c
 * @param {object} ground
 * @param {import("./basemap.js").Shore[]} ground.shores
 * @param {any[]} ground.zones placed
 * @param {import("./display-list.js").Camera} ground.camera
 * @param {Record<string, any>} ground.show
 * @param {import("./painter.js").Palette} ground.colours
 * @param {string[]} ground.partyNames
 * @param {number} ground.ratio device pixels per CSS pixel
 */
export function paintGround(c, { shores, zones, camera, show, colours, partyNames, ratio }) {
  const screen = toScreen(camera);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.fillStyle = colours.bg;
  c.fillRect(0, 0, camera.width, camera.height);
  land(c, shores, camera, colours, ratio);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (show.rings) rings(c, camera, screen, colours);
  if (show.zones) for (const zone of zones) paintZone(c, zone, camera, screen, colours, partyNames, ratio);
}

/** @param {CanvasRenderingContext2D} c @param {import("./basemap.js").Shore[]} shores @param {import("./display-list.js").Camera} camera @param {import("./painter.js").Palette} colours @param {number} ratio */
function land(c, shores, camera, colours, ratio) {
  const [halfX, halfY] = [camera.width / 2 / camera.pxPerNm, camera.height / 2 / camera.pxPerNm];
  const seen = new Path2D();
  for (const shore of shores) {
    const outside = shore.east < camera.east - halfX || shore.west > camera.east + halfX || shore.north < camera.north - halfY || shore.south > camera.north + halfY;
    if (!outside) seen.addPath(shore.path);
  }
  const scale = camera.pxPerNm * ratio;
  c.setTransform(scale, 0, 0, scale, (camera.width / 2) * ratio - camera.east * scale, (camera.height / 2) * ratio + camera.north * scale);
  c.fillStyle = colours.land;
  c.fill(seen, "evenodd");
  c.strokeStyle = colours.coast;
  c.lineWidth = 1 / camera.pxPerNm;
  c.stroke(seen);
}

/** Ring spacing that gives three to six rings in view. @param {import("./display-list.js").Camera} camera */
export function ringStep(camera) {
  const reach = Math.hypot(camera.width, camera.height) / 2 / camera.pxPerNm;
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => reach / step <= 6) ?? 2000;
}

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").Camera} camera @param {ReturnType<typeof toScreen>} screen @param {import("./painter.js").Palette} colours */
function rings(c, camera, screen, colours) {
  const step = ringStep(camera);
  const [x, y] = [screen.x(0), screen.y(0)];
  c.strokeStyle = colours.line;
  c.fillStyle = colours.ctl;
  c.lineWidth = 1;
  c.font = `400 11px ${FACE}`;
  c.textAlign = "center";
  c.textBaseline = "bottom";
  for (let k = 1; k <= 8; k++) {
    const r = k * step * camera.pxPerNm;
    c.beginPath();
    c.arc(x, y, r, 0, Math.PI * 2);
    c.stroke();
    c.fillText(`${k * step} NM`, x, y - r - 2);
  }
  c.beginPath();
  c.moveTo(x - 5, y);
  c.lineTo(x + 5, y);
  c.moveTo(x, y - 5);
  c.lineTo(x, y + 5);
  c.stroke();
}

/** Notified line dash-dot, region dotted, planned activity dashed, all that holds now solid. @param {any} zone */
export const dashes = ({ kind, state }) => (kind === "border" ? [12, 4, 2, 4] : kind === "fir" ? [3, 5] : kind === "activity" && state !== "active" ? [9, 6] : []);

/** @type {Map<string, CanvasPattern>} */
const hatches = new Map();

/** @param {CanvasRenderingContext2D} c @param {string} colour @param {number} ratio */
function hatch(c, colour, ratio) {
  const name = `${colour} ${ratio}`;
  const made = hatches.get(name);
  if (made) return made;
  const tile = document.createElement("canvas");
  const side = (tile.width = tile.height = Math.round(8 * ratio));
  const ink = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  ink.strokeStyle = colour;
  ink.globalAlpha = 0.22;
  ink.lineWidth = ratio;
  ink.beginPath();
  for (const shift of [-side, 0, side]) {
    ink.moveTo(shift, side);
    ink.lineTo(shift + side, 0);
  }
  ink.stroke();
  const pattern = /** @type {CanvasPattern} */ (c.createPattern(tile, "repeat"));
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  hatches.set(name, pattern);
  return pattern;
}

/** @param {CanvasRenderingContext2D} c @param {any} zone @param {import("./display-list.js").Camera} camera @param {ReturnType<typeof toScreen>} screen @param {import("./painter.js").Palette} colours @param {string[]} partyNames @param {number} ratio */
function paintZone(c, zone, camera, screen, colours, partyNames, ratio) {
  const colour = colours.parties[zone.kindOfParty];
  const isLine = !isArea(zone);
  c.beginPath();
  for (const ring of zone.rings) {
    ring.forEach((/** @type {number[]} */ [e, n], /** @type {number} */ k) => (k ? c.lineTo(screen.x(e), screen.y(n)) : c.moveTo(screen.x(e), screen.y(n))));
    c.closePath();
  }
  if (!isLine) {
    c.globalAlpha = zone.state === "planned" ? 0.03 : 0.08;
    c.fillStyle = colour;
    c.fill("evenodd");
    c.globalAlpha = 1;
  }
  // The margin inside which an approach is told, as a hatched band of its true width.
  const width = isLine ? (2 * zone.margin_m * camera.pxPerNm) / 1852 : 0;
  if (width > 3) {
    c.strokeStyle = hatch(c, colour, ratio);
    c.lineWidth = width;
    c.lineJoin = "round"; // a mitre would throw spikes miles long
    c.stroke();
  }
  c.strokeStyle = colour;
  c.lineWidth = isLine || zone.state === "active" ? 1.75 : 1.25;
  c.setLineDash(dashes(zone));
  c.stroke();
  c.setLineDash([]);
  const at = namePlace(zone, camera, screen);
  if (!at) return;
  const lines = zoneLines(zone, partyNames);
  c.font = `600 11px ${FACE}`;
  c.textAlign = "left";
  c.textBaseline = "top";
  c.lineWidth = 1.25;
  c.beginPath();
  tracePath(c, zone.kindOfParty, at[0] + 5, at[1] + 6, 4);
  c.stroke();
  c.fillStyle = colour;
  lines.forEach((line, k) => c.fillText(line, at[0] + 14, at[1] + k * 14));
}
