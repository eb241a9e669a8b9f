// Small signs drawn by code, the same on every desk whatever fonts it has: shapes of the parties and of the alert levels.

import { html } from "./html.js";

const SHAPES = {
  own: "M3 13V8a5 5 0 0 1 10 0v5z",
  square: "M3 3h10v10H3z",
  triangle: "M8 2l6 11H2z",
  diamond: "M8 1l7 7-7 7-7-7z",
  alarm: "M2 2h12v12H2z",
  warning: "M8 1.5l7 13H1z",
  caution: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z",
  tick: "M2 8.5l4 4 8-9",
  arrow: "M1 8h12M9 4l4 4-4 4",
};

/** @param {keyof typeof SHAPES} shape @param {string} [cls] */
const mark = (shape, cls = "") =>
  html`<svg class=${`mark ${cls}`} viewBox="0 0 16 16" aria-hidden="true"><path d=${SHAPES[shape]} /></svg>`;

/** @param {number} index of the party; -1 nobody */
export function partyMark(index) {
  if (index < 0) return mark("diamond", "outline p-unknown");
  return mark(index === 0 ? "own" : index % 2 ? "square" : "triangle", `outline p-${index === 0 ? 0 : ((index - 1) % 2) + 1}`);
}

/** @param {"alarm" | "warning" | "caution"} level */
export const levelMark = (level) => mark(level, `solid l-${level}`);
export const tick = () => mark("tick", "outline");
export const arrow = () => mark("arrow", "outline");
