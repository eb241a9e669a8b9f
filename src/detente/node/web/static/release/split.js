// Our picture and the peer's of us, side by side in one camera: what is kept back is crossed out on the left, and on the
// right a thin line leads from where an aircraft is to where the peer is told that it is.

import { state } from "../store.js";
import { KIND_UNKNOWN, kindOf } from "../map/display-list.js";
import { palette } from "../map/painter.js";
import { stereographic } from "../map/project.js";
import { tracePath } from "../map/shapes.js";
import { callsignOf } from "../map/tracks.js";

/** @typedef {import("../map/tracks.js").Tracks} Tracks */
/** @typedef {{east: number, north: number}} Place */

const NAMES_MAX = 60;
const [SHAPE_PX, CROSS_PX] = [5, 6];

/** Draw one pane. @param {HTMLCanvasElement | null} canvas @param {"ours" | "theirs"} side */
export function pane(canvas, side) {
  const board = state.board;
  const { seen, view } = state.release;
  const ours = state.tracks;
  const context = canvas?.getContext("2d", { alpha: false });
  if (!canvas || !context || !board || !ours || canvas.clientWidth < 2) return;
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const colours = palette();
  const { forward } = stereographic(board.centre_e7[0] / 1e7, board.centre_e7[1] / 1e7);
  const scale = Math.min(width, height) / 2 / board.range_nm;
  const at = (/** @type {number} */ lat, /** @type {number} */ lon) => {
    const { east, north } = forward(lat, lon);
    return /** @type {[number, number]} */ ([width / 2 + east * scale, height / 2 - north * scale]);
  };
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.bg;
  context.fillRect(0, 0, width, height);
  lines(context, at, colours);
  areas(context, at, view?.areas ?? [], scale, colours);
  const told = seen?.tracks ?? null;
  const shown = side === "theirs" ? told : ours;
  if (!shown) return;
  context.font = '11px "Plex Mono", monospace';
  let names = 0;
  for (let row = 0; row < shown.n; row++) {
    if (side === "ours" && shown.party[row] !== 0) continue;
    const [x, y] = at(shown.lat[row], shown.lon[row]);
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const isKept = side === "ours" && told !== null && !told.rowOf.has(shown.number[row]);
    const kind = kindOf(shown.declaredBy[row]);
    const colour = isKept ? colours.muted : colours.parties[Math.min(kind, KIND_UNKNOWN)];
    if (side === "theirs") displaced(context, at, ours, shown.number[row], x, y, colours);
    context.strokeStyle = colour;
    context.lineWidth = 1.4;
    context.beginPath();
    tracePath(context, kind, x, y, SHAPE_PX);
    context.stroke();
    if (isKept) cross(context, x, y);
    if (!isKept && names < NAMES_MAX) {
      names += 1;
      context.fillStyle = colour;
      context.fillText(callsignOf(shown, row), x + 9, y - 5);
    }
  }
}

/** @param {CanvasRenderingContext2D} c @param {(lat: number, lon: number) => [number, number]} at @param {Tracks} ours @param {number} number @param {number} x @param {number} y @param {import("../map/painter.js").Palette} colours */
function displaced(c, at, ours, number, x, y, colours) {
  const row = ours.rowOf.get(number);
  if (row === undefined) return;
  const [trueX, trueY] = at(ours.lat[row], ours.lon[row]);
  if (Math.hypot(trueX - x, trueY - y) < 2) return;
  c.strokeStyle = colours.caution;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(trueX, trueY);
  c.lineTo(x, y);
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {number} x @param {number} y */
function cross(c, x, y) {
  c.beginPath();
  c.moveTo(x - CROSS_PX, y + CROSS_PX);
  c.lineTo(x + CROSS_PX, y - CROSS_PX);
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {(lat: number, lon: number) => [number, number]} at @param {import("../map/painter.js").Palette} colours */
function lines(c, at, colours) {
  for (const zone of state.zones) {
    const index = state.board?.parties.findIndex((party) => party.id === zone.asserted_by) ?? -1;
    c.strokeStyle = colours.parties[index < 0 ? KIND_UNKNOWN : Math.min(index, KIND_UNKNOWN - 1)];
    c.globalAlpha = 0.45;
    c.setLineDash(zone.kind === "border" ? [9, 4, 2, 4] : []);
    for (const ring of zone.rings) outline(c, ring, at);
  }
  c.globalAlpha = 1;
  c.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} c @param {(lat: number, lon: number) => [number, number]} at @param {import("../types.js").AreaRow[]} rows @param {number} scale @param {import("../map/painter.js").Palette} colours */
function areas(c, at, rows, scale, colours) {
  c.strokeStyle = c.fillStyle = colours.caution;
  c.font = '11px "Plex Mono", monospace';
  for (const area of rows) {
    const place = area.ring.length ? at(area.ring[0][0] / 1e7, area.ring[0][1] / 1e7) : at(area.centre_e7[0] / 1e7, area.centre_e7[1] / 1e7);
    if (area.ring.length) outline(c, area.ring, at);
    else {
      c.beginPath();
      c.arc(place[0], place[1], area.radius_nm * scale, 0, 2 * Math.PI);
      c.stroke();
    }
    c.fillText(area.name, place[0] + 4, place[1] - 4);
  }
}

/** @param {CanvasRenderingContext2D} c @param {number[][]} ring @param {(lat: number, lon: number) => [number, number]} at */
function outline(c, ring, at) {
  c.lineWidth = 1;
  c.beginPath();
  ring.forEach(([lat, lon], k) => {
    const [x, y] = at(lat / 1e7, lon / 1e7);
    if (k) c.lineTo(x, y);
    else c.moveTo(x, y);
  });
  c.closePath();
  c.stroke();
}
