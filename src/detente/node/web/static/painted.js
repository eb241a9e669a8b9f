// "Displayed" means painted: a row counts once it stood in view of a visible document. Then the node is told, once; what
// it could not take, as while its seat was being left, it is told again.

import { rowsMade } from "./kept.js";
import { give, isReadOnly } from "./orders.js";

const AGAIN_MS = 2_000;

/** @type {Set<string>} */
const told = new Set();
/** @type {Set<Element>} */
const inView = new Set();

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.isIntersecting ? inView.add(entry.target) : inView.delete(entry.target);
  tell();
}, { threshold: 0.5 });

/** @type {WeakSet<Element>} */
const known = new WeakSet();
let looked = -1;

/** Look for new rows: elements with `data-alert` or `data-message` and `data-undisplayed`. @param {boolean} renewed all were put in anew */
export function lookForRows(renewed) {
  if (looked === rowsMade() && !renewed) return;
  looked = rowsMade();
  for (const row of document.querySelectorAll("[data-undisplayed]")) {
    if (known.has(row)) continue;
    known.add(row);
    observer.observe(row);
  }
}

async function tell() {
  if (document.visibilityState !== "visible" || isReadOnly()) return;
  /** @type {string[]} */ const alerts = [];
  /** @type {string[]} */ const messages = [];
  for (const row of inView) {
    const { alert, message, undisplayed } = /** @type {HTMLElement} */ (row).dataset;
    const name = alert ?? message;
    if (!row.isConnected) inView.delete(row);
    if (!row.isConnected || undisplayed === undefined || !name || told.has(name)) continue;
    told.add(name);
    inView.delete(row);
    observer.unobserve(row); // what is observed costs something in every frame
    (alert ? alerts : messages).push(name);
  }
  if (!alerts.length && !messages.length) return;
  if (await give({ order: "displayed", alerts, messages })) return;
  [...alerts, ...messages].forEach((name) => told.delete(name));
  setTimeout(lookAgain, AGAIN_MS);
}

/** Look anew at every row that no node knows to be displayed: what is in view is told at once. */
function lookAgain() {
  for (const row of document.querySelectorAll("[data-undisplayed]")) {
    observer.unobserve(row);
    observer.observe(row);
  }
}

document.addEventListener("visibilitychange", tell);
