// Rows that are made anew only when what they show has changed, and the text in them that changes by itself. The renderer
// leaves alone what it is given twice, so a list of two hundred costs a second what its changes in sight cost.

import { html } from "./html.js";
import { update } from "./store.js";

/** What the renderer passes over when it is given the same twice; an element it would compare through and through. @param {{view: unknown}} given */
const Still = ({ view }) => view;

/** When the row of this name was last made, by the count of rows made; the name tells which rows to look through again. @type {Map<string, number>} */
const made = new Map();
let makes = 0;

/** Grows with each row that is made: as long as it stands, there are no new ones to be looked for. */
export const rowsMade = () => makes;

/** how often a row came or went, in any list */
let turnover = 0;

/** The views of one list's rows by name, each with what it was made of. */
export class Kept {
  /** @type {Map<string, {seen: string | number, view: unknown}>} */ of = new Map();
  /** @type {unknown[]} */ around = [];

  /** All is made anew when what stands around the rows, as the language does, is another. @param {unknown[]} around */
  within(around) {
    if (around.length !== this.around.length || around.some((part, k) => part !== this.around[k])) this.of.clear();
    this.around = around;
  }

  /** @param {string} name @param {string | number} seen all that the row shows, or a number for it @param {() => unknown} make */
  view(name, seen, make) {
    const kept = this.of.get(name);
    if (kept?.seen === seen) return kept.view;
    if (!kept) turnover += 1;
    const view = html`<${Still} key=${name} view=${make()} />`;
    this.of.set(name, { seen, view });
    made.set(name, (makes += 1));
    return view;
  }

  /** Forget the rows that are gone. @param {Iterable<string>} names those that are there */
  keep(names) {
    const there = new Set(names);
    for (const name of this.of.keys()) {
      if (there.has(name)) continue;
      this.of.delete(name);
      made.delete(name);
      turnover += 1;
    }
  }
}

const ROWS = "[data-alert], [data-message]";

/** Of what is out of sight one part in so many is looked after at a time. */
export const TURNS = 10;

/** @typedef {(ticks: string, name: string) => string} Says */

/** @type {WeakMap<Element, {made: number, parts: {element: HTMLElement, ticks: string}[]}>} what ticks in a row */
const ticking = new WeakMap();

/** @type {Map<Element, {turnover: number, rows: {row: HTMLElement, name: string}[], turn: number}>} */
const places = new Map();

/** @type {Set<HTMLElement>} */
const inSight = new Set();
/** @type {Set<string>} */
let namesInSight = new Set();
/** @type {WeakSet<Element>} rows that the browser leaves out: none of them is asked after one by one */
const skipped = new WeakSet();

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const row = /** @type {HTMLElement} */ (target);
    if (isIntersecting) inSight.add(row);
    else inSight.delete(row);
  }
  sighted();
  if (entries.some((entry) => entry.isIntersecting)) update({}); // what comes into sight is drawn as it is now
}, /** @type {IntersectionObserverInit} */ ({ scrollMargin: "120px" }));

function sighted() {
  for (const row of inSight) if (!row.isConnected) inSight.delete(row);
  namesInSight = new Set([...inSight].map(nameOf));
}

addEventListener("contentvisibilityautostatechange", (event) => {
  const row = /** @type {HTMLElement} */ (event.target);
  if (!/** @type {ContentVisibilityAutoStateChangeEvent} */ (event).skipped) {
    skipped.delete(row);
    observer.observe(row);
    return;
  }
  skipped.add(row);
  observer.unobserve(row);
  if (inSight.delete(row)) sighted();
});

/** Whether a row of this name can be seen, in any list, or nearly. @param {string} name */
export const isInSight = (name) => namesInSight.has(name);

const nameOf = (/** @type {HTMLElement} */ row) => row.dataset.alert ?? row.dataset.message ?? "";

/** What ticks in *row*, looked for anew when it was made anew. @param {HTMLElement} row @param {string} name */
function partsOf(row, name) {
  const newest = made.get(name) ?? 0;
  const before = ticking.get(row);
  if (before?.made === newest) return before.parts;
  const elements = /** @type {HTMLElement[]} */ ([...row.querySelectorAll("[data-ticks]")]);
  const parts = elements.map((element) => ({ element, ticks: element.dataset.ticks ?? "" }));
  ticking.set(row, { made: newest, parts });
  return parts;
}

/** A new element has no text yet. @param {HTMLElement} row @param {string} name */
const isMadeAnew = (row, name) => ticking.get(row)?.made !== (made.get(name) ?? 0);

/** @param {HTMLElement} row @param {string} name @param {Says} says */
function write(row, name, says) {
  for (const { element, ticks } of partsOf(row, name)) {
    const text = says(ticks, name);
    const node = /** @type {Text | null} */ (element.firstChild);
    if (!node) element.append(text);
    else if (node.data !== text) node.data = text;
  }
}

/** @param {Element} root */
function placeOf(root) {
  const before = places.get(root);
  if (before?.turnover === turnover && before.rows.every(({ row }) => row.isConnected)) return before;
  const rows = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(ROWS)]).map((row) => ({ row, name: nameOf(row) }));
  for (const { row } of rows) {
    if (!skipped.has(row)) observer.observe(row);
  }
  const place = { turnover, rows, turn: before?.turn ?? 0 };
  places.set(root, place);
  return place;
}

/**
 * Write the text of each element with `data-ticks` in the rows under *root*; the renderer leaves such an element empty.
 * Of the rows out of sight a tenth is written each time: what a screen reader or a search finds there is seconds old.
 * @param {Element} root @param {Says} says what stands there, by the alert's or the message's name
 */
export function tick(root, says) {
  const place = placeOf(root);
  place.turn = (place.turn + 1) % TURNS;
  place.rows.forEach(({ row, name }, k) => {
    if (inSight.has(row) || k % TURNS === place.turn || isMadeAnew(row, name)) write(row, name, says);
  });
}
