// Rows that are made anew only when what they show has changed, and the text in them that changes by itself. The renderer
// leaves alone what it is given twice, so a list of two hundred costs a second what its changes cost.

import { html } from "./html.js";

/** What the renderer passes over when it is given the same twice; an element it would compare through and through. @param {{view: unknown}} given */
const Still = ({ view }) => view;

/** The views of one list's rows by name, each with what it was made of. */
export class Kept {
  /** @type {Map<string, {seen: string, view: unknown}>} */ of = new Map();
  /** @type {unknown[]} */ around = [];

  /** how many views were made or dropped so far, of all lists */ static changes = 0;

  /** All is made anew when what stands around the rows, as the language does, is another. @param {unknown[]} around */
  within(around) {
    if (around.length !== this.around.length || around.some((part, k) => part !== this.around[k])) {
      this.of.clear();
      Kept.changes += 1;
    }
    this.around = around;
  }

  /** @param {string} name @param {string} seen all that the row shows @param {() => unknown} make */
  view(name, seen, make) {
    const kept = this.of.get(name);
    if (kept?.seen === seen) return kept.view;
    const view = html`<${Still} key=${name} view=${make()} />`;
    this.of.set(name, { seen, view });
    Kept.changes += 1;
    return view;
  }

  /** Forget the rows that are gone. @param {Iterable<string>} names those that are there */
  keep(names) {
    const there = new Set(names);
    for (const name of this.of.keys()) if (!there.has(name)) this.of.delete(name);
  }
}

const ROWS = "[data-alert], [data-message]";
const TURNS = 10;

/** @typedef {(ticks: string, name: string) => string} Says */

/** Rows far out of sight, which the browser neither lays out nor paints. @type {WeakSet<Element>} */
const unseen = new WeakSet();

/** @type {WeakMap<Element, {changes: number, parts: {element: HTMLElement, ticks: string}[]}>} what ticks in a row */
const ticking = new WeakMap();

/** @type {Map<Element, {changes: number, rows: HTMLElement[], turn: number, says: Says}>} */
const places = new Map();

addEventListener("contentvisibilityautostatechange", (event) => {
  const row = /** @type {HTMLElement} */ (event.target);
  if (/** @type {ContentVisibilityAutoStateChangeEvent} */ (event).skipped) return unseen.add(row);
  unseen.delete(row);
  for (const [root, { says }] of places) if (root.contains(row)) write(row, says); // what comes into sight is not a moment old
});

/** What ticks in *row*, looked for anew when rows were made. @param {HTMLElement} row */
function partsOf(row) {
  const before = ticking.get(row);
  if (before?.changes === Kept.changes) return before.parts;
  const elements = /** @type {HTMLElement[]} */ ([...row.querySelectorAll("[data-ticks]")]);
  const parts = elements.map((element) => ({ element, ticks: element.dataset.ticks ?? "" }));
  ticking.set(row, { changes: Kept.changes, parts });
  return parts;
}

/** @param {HTMLElement} row @param {Says} says */
function write(row, says) {
  const name = row.dataset.alert ?? row.dataset.message ?? "";
  for (const { element, ticks } of partsOf(row)) {
    const text = says(ticks, name);
    const node = /** @type {Text | null} */ (element.firstChild);
    if (!node) element.append(text);
    else if (node.data !== text) node.data = text;
  }
}

/**
 * Write the text of each element with `data-ticks` in the rows under *root*; the renderer leaves such an element empty.
 * Of the rows out of sight a tenth is written each time: what a screen reader or a search finds there is seconds old.
 * @param {Element} root @param {Says} says what stands there, by the alert's or the message's name
 */
export function tick(root, says) {
  let place = places.get(root);
  if (!place || place.changes !== Kept.changes || place.rows.some((row) => !row.isConnected)) {
    const rows = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(ROWS)]);
    place = { changes: Kept.changes, rows, turn: place?.turn ?? 0, says };
    places.set(root, place);
  }
  const turn = (place.turn + 1) % TURNS;
  Object.assign(place, { says, turn });
  place.rows.forEach((row, k) => {
    if (!unseen.has(row) || k % TURNS === turn || !ticking.has(row)) write(row, says);
  });
}
