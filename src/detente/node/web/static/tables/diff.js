// Two wordings side by side, word for word: what went, what came. The signed texts themselves stand unmarked elsewhere.

import { html } from "../html.js";
import { t } from "../i18n.js";
import { by } from "./pieces.js";

/** @typedef {{text: string, is: "same" | "gone" | "new"}} Piece */

const WORDS_MAX = 1200;

/** @param {string} text */
const pieces = (text) => text.match(/\s+|[^\s]+/g) ?? [];

/** The longest common run of words, as pieces of either side; null when both are too long to compare by word. @param {string} before @param {string} after @returns {{before: Piece[], after: Piece[]} | null} */
export function differences(before, after) {
  const [a, b] = [pieces(before), pieces(after)];
  if (a.length > WORDS_MAX || b.length > WORDS_MAX) return null;
  const wide = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * wide + j] = a[i] === b[j] ? longest[(i + 1) * wide + j + 1] + 1 : Math.max(longest[(i + 1) * wide + j], longest[i * wide + j + 1]);
    }
  }
  /** @type {{before: Piece[], after: Piece[]}} */
  const found = { before: [], after: [] };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.before.push({ text: a[i++], is: "same" });
      found.after.push({ text: b[j++], is: "same" });
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * wide + j] >= longest[i * wide + j + 1])) found.before.push({ text: a[i++], is: "gone" });
    else found.after.push({ text: b[j++], is: "new" });
  }
  return found;
}

/** Neighbours of one kind as one piece. @param {Piece[]} list @returns {Piece[]} */
export function joined(list) {
  /** @type {Piece[]} */
  const runs = [];
  for (const piece of list) {
    const last = runs[runs.length - 1];
    if (last?.is === piece.is) last.text += piece.text;
    else runs.push({ ...piece });
  }
  return runs;
}

const TAG = { same: "span", gone: "del", new: "ins" };

/** @param {Piece[]} list */
const shown = (list) => joined(list).map(({ text, is }, k) => html`<${TAG[is]} key=${k}>${text}<//>`);

/** Two versions beside each other. @param {Record<string, any>} before @param {Record<string, any>} after */
export function compared(before, after) {
  const found = differences(before.text, after.text);
  return html`<div class="sides compared"><div class="side"><p>${t("table.version", { n: before.number })} ${by(before.by, before.seat, before.at_ms)}</p><div class="written" tabindex="0" role="region" aria-label=${t("table.version", { n: before.number })}><bdi>${found ? shown(found.before) : before.text}</bdi></div></div>
    <div class="side"><p>${t("table.version", { n: after.number })} ${by(after.by, after.seat, after.at_ms)}</p><div class="written" tabindex="0" role="region" aria-label=${t("table.version", { n: after.number })}><bdi>${found ? shown(found.after) : after.text}</bdi></div></div></div>
    ${!found && html`<p class="small text-caution">${t("table.too_long_to_compare")}</p>`}`;
}
