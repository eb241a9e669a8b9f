// The four shapes of who declared a track.

import { KIND_UNKNOWN } from "./display-list.js";

/** Add one symbol to the current path: half-round, square, triangle, diamond. @param {CanvasRenderingContext2D} c @param {number} kind @param {number} x @param {number} y @param {number} r */
export function tracePath(c, kind, x, y, r) {
  if (kind === KIND_UNKNOWN) {
    c.moveTo(x, y - r - 1);
    c.lineTo(x + r + 1, y);
    c.lineTo(x, y + r + 1);
    c.lineTo(x - r - 1, y);
    c.closePath();
  } else if (kind === 0) {
    c.moveTo(x - r, y + r * 0.8);
    c.lineTo(x - r, y - r * 0.1);
    c.arc(x, y - r * 0.1, r, Math.PI, 0);
    c.lineTo(x + r, y + r * 0.8);
    c.closePath();
  } else if (kind % 2 === 1) {
    c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  } else {
    c.moveTo(x, y - r - 0.5);
    c.lineTo(x + r + 0.5, y + r * 0.8);
    c.lineTo(x - r - 0.5, y + r * 0.8);
    c.closePath();
  }
}
