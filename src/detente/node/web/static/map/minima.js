// The minima by which each conflict was judged, asked of the node once an alert: a circle of a guessed size would lie.

import { state, update } from "../store.js";
import { ask } from "../orders.js";

/** @typedef {{horizontal_m: number, vertical_ft: number}} Minima */

const ASKED_MAX = 40;
const AT_ONCE = 2; // a browser has six lines to the node, and an order wants one

let asking = 0;

/** @type {Map<string, Minima | null>} by alert and level; null: the node does not say */
const known = new Map();

/** @param {Record<string, any>} row */
const nameOf = (row) => `${row.alert} ${row.level}`;

/** @param {Record<string, any>} row @returns {Minima | null} null until it is known */
export const minimaOf = (row) => known.get(nameOf(row)) ?? null;

/** Ask for those of the active conflicts that are not known yet. */
export function keepMinima() {
  const rows = (state.board?.alerts ?? []).filter((/** @type {any} */ row) => row.state === "active" && row.kind === "conflict").slice(0, ASKED_MAX);
  if (state.replay || !state.session.role) return;
  const names = new Set(rows.map(nameOf));
  for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  for (const row of rows) {
    const name = nameOf(row);
    if (known.has(name)) continue;
    if (asking === AT_ONCE) return;
    asking += 1;
    known.set(name, null);
    ask(`/api/alerts/${encodeURIComponent(row.alert)}/why`).then((why) => {
      const minima = (why.now ?? why.raised)?.minima ?? null;
      known.set(name, minima);
      if (minima) update({});
    }, () => undefined).finally(() => (asking -= 1)); // no circle, then: the alert itself stands in the queue with its own figures
  }
}
