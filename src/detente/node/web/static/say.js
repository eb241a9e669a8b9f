// Words for a screen reader: new alarms at once, the rest in turn; one phrase each, at most one in three seconds.

import { t } from "./i18n.js";
import { nodeNow } from "./clock.js";
import { isOpen, what, whoText } from "./alert-words.js";

const PACE_MS = 3000;
/** @type {Set<string>} */
const said = new Set();
/** @type {string[]} */
const waiting = [];
let lastMs = -Infinity;
/** @type {import("./types.js").AlertRow[] | null} */
let heard = null;

/** @param {import("./types.js").AlertRow[]} alerts */
export function say(alerts) {
  for (const row of alerts === heard ? [] : alerts.filter(isOpen)) {
    const name = `${row.alert} ${row.level}`;
    if (said.has(name)) continue;
    said.add(name);
    const phrase = `${t(`level.${row.level}`)}: ${whoText(row)}. ${what(row, nodeNow())}`;
    if (row.level === "alarm") put("#say-now", phrase);
    else waiting.push(phrase);
  }
  heard = alerts;
  if (waiting.length && performance.now() - lastMs > PACE_MS) {
    lastMs = performance.now();
    put("#say", /** @type {string} */ (waiting.shift()));
  }
}

/** @param {string} where @param {string} phrase */
function put(where, phrase) {
  const element = document.querySelector(where);
  if (element) element.textContent = phrase;
}
