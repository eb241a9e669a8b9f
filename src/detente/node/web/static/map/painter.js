// Draws a display list on a canvas. It decides nothing but strokes.

import { KIND_UNKNOWN } from "./display-list.js";
import { LINE_PX } from "./labels.js";
import { Dots, stampAll } from "./stamps.js";

const FACE = '"Plex Mono", monospace';
const TURN = Math.PI * 2;

/** The tokens' colours, read once from the style sheet, so that there is one list of them. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const parties = ["own", "party-2", "party-3", "party-2", "party-3", "party-2", "party-3", "party-2", "unknown"].map(token);
  return {
    parties, bg: token("bg"), land: token("land"), coast: token("coast"), line: token("line"), text: token("text"),
    muted: token("muted"), ctl: token("ctl"), dark: token("dark"), focus: token("focus"), alarm: token("alarm"), alarmFill: token("alarm-fill"),
    warning: token("warning"), caution: token("caution"),
  };
}

/** @typedef {ReturnType<typeof palette>} Palette */

/** @param {Palette} colours @param {string} level @returns {string} */
export const colourOf = (colours, level) => /** @type {any} */ (colours)[level] ?? colours.text;

/** Draws on an empty canvas. @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours @param {{flashOn: boolean, ratio: number}} how */
export function paint(c, list, colours, { flashOn, ratio }) {
  dots(c, list, colours, ratio);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.lineJoin = "round";
  lines(c, list, colours);
  symbols(c, list, colours, ratio);
  for (const geometry of list.geometry) conflict(c, geometry, colours);
  rings(c, list, colours, flashOn);
  labels(c, list, colours);
  for (const geometry of list.geometry) caption(c, geometry, colours);
}

const pixels = new Dots();

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours @param {number} ratio */
function dots(c, list, colours, ratio) {
  pixels.begin(c);
  for (let kind = 0; kind <= KIND_UNKNOWN; kind++) pixels.add(list.past[kind], 1.5, colours.parties[kind], 128, ratio);
  for (let kind = 0; kind <= KIND_UNKNOWN; kind++) pixels.add(list.dots[kind], 3, colours.parties[kind], 255, ratio);
  pixels.end(c);
}

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours */
function lines(c, list, colours) {
  for (let kind = 0; kind <= KIND_UNKNOWN; kind++) {
    c.strokeStyle = colours.parties[kind];
    c.globalAlpha = 0.5;
    segments(c, list.trails[kind], 1);
    c.globalAlpha = 0.75;
    segments(c, list.vectors[kind], 1);
  }
  c.globalAlpha = 1;
  c.strokeStyle = colours.muted;
  segments(c, list.ties, 0.75);
}

/** @param {CanvasRenderingContext2D} c @param {number[]} ends @param {number} width */
function segments(c, ends, width) {
  if (!ends.length) return;
  c.lineWidth = width;
  c.beginPath();
  for (let i = 0; i < ends.length; i += 4) {
    c.moveTo(ends[i], ends[i + 1]);
    c.lineTo(ends[i + 2], ends[i + 3]);
  }
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours @param {number} ratio */
function symbols(c, list, colours, ratio) {
  for (let kind = 0; kind <= KIND_UNKNOWN; kind++) {
    stampAll(c, list.secondary[kind], kind, colours.parties[kind], false, ratio, 3);
    stampAll(c, list.symbols[kind], kind, colours.parties[kind], false, ratio);
    stampAll(c, list.stale[kind], kind, colours.parties[kind], true, ratio);
  }
  // A second party holds this aircraft too: a small mark under the symbol.
  c.fillStyle = colours.text;
  for (let i = 0; i < list.shared.length; i += 2) c.fillRect(list.shared[i] - 3, list.shared[i + 1] + 7, 6, 1.5);
  c.fillStyle = colours.text;
  c.font = `600 7px ${FACE}`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  for (const letter of list.letters) c.fillText(letter.text, letter.x, letter.y + 0.5);
}

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours @param {boolean} flashOn */
function rings(c, list, colours, flashOn) {
  for (const { x, y, level, acknowledged } of list.ringed) {
    c.strokeStyle = colourOf(colours, level);
    c.lineWidth = level === "alarm" && !acknowledged && flashOn ? 3.5 : 1.75;
    circle(c, x, y, 11);
  }
  c.strokeStyle = colours.alarm;
  c.lineWidth = 2;
  for (let i = 0; i < list.emergencies.length; i += 2) circle(c, list.emergencies[i], list.emergencies[i + 1], 15);
  c.strokeStyle = colours.focus;
  for (const { x, y, strong } of list.boxes) {
    c.lineWidth = strong ? 2 : 1;
    c.strokeRect(x - 10, y - 10, 20, 20);
  }
}

/** @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {number} r */
function circle(c, x, y, r) {
  c.beginPath();
  c.arc(x, y, r, 0, TURN);
  c.stroke();
}

/** @param {CanvasRenderingContext2D} c @param {import("./geometry.js").Geometry} geometry @param {Palette} colours */
function conflict(c, { a, b, at, ends, circlePx, level, kind }, colours) {
  c.strokeStyle = c.fillStyle = colourOf(colours, level);
  c.lineWidth = 1.5;
  c.setLineDash([5, 4]);
  c.beginPath();
  for (const [k, from] of [a, b].entries()) {
    if (!from) continue;
    const to = ends[k] ?? at;
    c.moveTo(from[0], from[1]);
    c.lineTo(to[0], to[1]);
  }
  c.stroke();
  c.setLineDash([]);
  if (ends.length) {
    c.beginPath();
    c.moveTo(ends[0][0], ends[0][1]);
    c.lineTo(ends[1][0], ends[1][1]);
    c.stroke();
    for (const [x, y] of ends) {
      c.fillRect(x - 2.5, y - 2.5, 5, 5);
      c.lineWidth = 1;
      if (circlePx > 4) circle(c, x, y, circlePx);
    }
  } else if (kind === "conflict") circle(c, at[0], at[1], 7);
  else {
    c.beginPath();
    c.moveTo(at[0] - 6, at[1] - 6);
    c.lineTo(at[0] + 6, at[1] + 6);
    c.moveTo(at[0] + 6, at[1] - 6);
    c.lineTo(at[0] - 6, at[1] + 6);
    c.stroke();
  }
}

/** @param {CanvasRenderingContext2D} c @param {import("./geometry.js").Geometry} geometry @param {Palette} colours */
function caption(c, { at, level, label }, colours) {
  if (!label) return;
  c.font = `600 12px ${FACE}`;
  c.textAlign = "center";
  c.textBaseline = "top";
  const width = c.measureText(label).width + 8;
  c.fillStyle = colours.bg;
  c.globalAlpha = 0.8;
  c.fillRect(at[0] - width / 2, at[1] + 10, width, 16);
  c.globalAlpha = 1;
  c.fillStyle = colourOf(colours, level);
  c.fillText(label, at[0], at[1] + 12);
}

/** @param {CanvasRenderingContext2D} c @param {import("./display-list.js").DisplayList} list @param {Palette} colours */
function labels(c, list, colours) {
  c.textAlign = "left";
  c.textBaseline = "top";
  c.font = `400 12px ${FACE}`;
  for (const label of list.labels) {
    if (label.level) continue;
    c.fillStyle = label.must ? colours.focus : colours.parties[label.kind];
    label.lines.forEach((line, k) => c.fillText(line, label.left, label.top + 1 + k * LINE_PX));
  }
  c.font = `600 12px ${FACE}`;
  for (const label of list.labels) {
    if (!label.level) continue;
    c.fillStyle = label.level === "alarm" ? colours.alarmFill : colourOf(colours, label.level);
    c.fillRect(label.left - 3, label.top - 1, label.width + 6, LINE_PX + 1);
    c.fillStyle = label.level === "alarm" ? colours.focus : colours.dark;
    c.fillText(label.lines[0], label.left, label.top + 1);
    c.fillStyle = colourOf(colours, label.level);
    label.lines.slice(1).forEach((line, k) => c.fillText(line, label.left, label.top + 1 + (k + 1) * LINE_PX));
  }
}
