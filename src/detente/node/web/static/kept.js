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

/** @type {WeakMap<Element, {changes: number, found: {element: HTMLElement, ticks: string, name: string}[]}>} */
const ticking = new WeakMap();

/** The elements under *root* with `data-ticks` and the alert that each stands in, looked for anew when rows were made. @param {Element} root */
function tickingIn(root) {
  const before = ticking.get(root);
  if (before?.changes === Kept.changes && before.found.every(({ element }) => element.isConnected)) return before.found;
  const elements = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-ticks]")]);
  const nameOf = (/** @type {HTMLElement} */ element) => /** @type {HTMLElement | null} */ (element.closest("[data-alert]"))?.dataset.alert ?? "";
  const found = elements.map((element) => ({ element, ticks: element.dataset.ticks ?? "", name: nameOf(element) }));
  ticking.set(root, { changes: Kept.changes, found });
  return found;
}

/**
 * Write the text of each element under *root* that has `data-ticks`; the renderer leaves such an element empty.
 * @param {Element} root @param {(ticks: string, name: string) => string} says what stands there, by the alert's name
 */
export function tick(root, says) {
  for (const { element, ticks, name } of tickingIn(root)) {
    const text = says(ticks, name);
    const node = /** @type {Text | null} */ (element.firstChild);
    if (!node) element.append(text);
    else if (node.data !== text) node.data = text;
  }
}
