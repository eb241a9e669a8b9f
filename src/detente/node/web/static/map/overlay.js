// What the desk draws on the map itself: a measured line and the volume that is being prepared. Arrays first, then strokes.

import { span } from "../format.js";
import { bearing } from "./project.js";

const FACE = '"Plex Mono", monospace';

/**
 * @typedef {{lat: number, lon: number, kt?: number}} Place  kt: of the track that is there
 * @typedef {{rings: number[][][], others: number[][][], spine: number[][], handles: number[][], chosen: number, isWrong: boolean}} Draft in NM of the map's plane
 * @typedef {{measure: {from: number[], to: number[], label: string} | null, rings: number[][][], others: number[][][], spine: number[][], handles: number[][], chosen: number, isWrong: boolean}} Overlay in pixels
 */

/** Bearing, distance and, from a track that moves, how long it would take. @param {Place} from @param {Place} to */
export function measured(from, to) {
  const { degrees, miles } = bearing(from, to);
  const time = from.kt && from.kt > 0 ? ` ${span((miles / from.kt) * 3600)}` : "";
  return `${String(Math.round(degrees) % 360).padStart(3, "0")}° ${miles.toFixed(1)} NM${time}`;
}

/** @param {{from: Place, to: Place} | null} measure @param {Draft | null} draft @param {{x: (east: number) => number, y: (north: number) => number}} screen @param {(lat: number, lon: number) => {east: number, north: number}} forward @returns {Overlay} */
export function overlay(measure, draft, screen, forward) {
  const spot = (/** @type {number[]} */ [east, north]) => [screen.x(east), screen.y(north)];
  const place = (/** @type {Place} */ { lat, lon }) => {
    const { east, north } = forward(lat, lon);
    return spot([east, north]);
  };
  return {
    measure: measure && { from: place(measure.from), to: place(measure.to), label: measured(measure.from, measure.to) },
    rings: (draft?.rings ?? []).map((ring) => ring.map(spot)), others: (draft?.others ?? []).map((ring) => ring.map(spot)), spine: (draft?.spine ?? []).map(spot), handles: (draft?.handles ?? []).map(spot),
    chosen: draft?.chosen ?? -1, isWrong: draft?.isWrong ?? false,
  };
}

/** The handle within reach of a pointer, or -1. @param {number[][]} handles @param {number} x @param {number} y */
export const handleAt = (handles, x, y, reachPx = 10) => handles.findIndex(([hx, hy]) => Math.hypot(hx - x, hy - y) < reachPx);

/** @param {CanvasRenderingContext2D} c @param {Overlay} list @param {import("./painter.js").Palette} colours */
export function paintOverlay(c, { measure, rings, others, spine, handles, chosen, isWrong }, colours) {
  c.strokeStyle = c.fillStyle = isWrong ? colours.warning : colours.focus;
  c.lineWidth = 1.5;
  const traced = (/** @type {number[][][]} */ all) => {
    c.beginPath();
    for (const ring of all) {
      ring.forEach(([x, y], k) => (k ? c.lineTo(x, y) : c.moveTo(x, y)));
      c.closePath();
    }
  };
  c.setLineDash([2, 5]); // the other volumes of the same activity
  traced(others);
  c.stroke();
  c.setLineDash([6, 4]);
  traced(rings);
  spine.forEach(([x, y], k) => (k ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.stroke();
  c.setLineDash([]);
  handles.forEach(([x, y], k) => (k === chosen ? c.fillRect(x - 5, y - 5, 10, 10) : c.strokeRect(x - 4, y - 4, 8, 8)));
  if (!measure) return;
  const [[x0, y0], [x1, y1]] = [measure.from, measure.to];
  c.strokeStyle = colours.focus;
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.moveTo(x1 - 6, y1);
  c.lineTo(x1 + 6, y1);
  c.moveTo(x1, y1 - 6);
  c.lineTo(x1, y1 + 6);
  c.stroke();
  c.font = `600 12px ${FACE}`;
  c.textAlign = "left";
  c.textBaseline = "top";
  c.fillStyle = colours.bg;
  c.fillRect(x1 + 9, y1 + 7, c.measureText(measure.label).width + 8, 17);
  c.fillStyle = colours.focus;
  c.fillText(measure.label, x1 + 13, y1 + 9);
}
