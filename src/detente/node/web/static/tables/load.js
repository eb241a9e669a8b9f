// The table that is open: fetched when this page is seen, and again whenever the board says that something changed.

import { state, update } from "../store.js";
import { ask, send, whyNot } from "../orders.js";

/** @typedef {Record<string, any>} Row */

const RETRY_MS = 5000;
const AGAIN_MS = 30_000; // what only time changes: stale, expired, overdue

let asking = false;
let askedFor = "";
let askedAtMs = -Infinity;
/** @type {string | null} */
let refused = null; // the session of the last refusal: that of a seat which was left says nothing of the one taken since

/** @returns {Row[]} the tables this party sits at, in a few words each */
export const briefs = () => state.board?.tables ?? [];

/** @returns {Row | undefined} */
export const openBrief = () => briefs().find((brief) => brief.table === state.table.chosen) ?? briefs()[0];

/** Keep the open table as new as the board says it is. */
export async function keepTable() {
  const brief = openBrief();
  if (state.view !== "tables" || asking || !brief || !state.session.role) return;
  const wanted = JSON.stringify([brief, state.session.role]);
  const sinceMs = performance.now() - askedAtMs;
  const isNew = wanted !== askedFor && (state.table.fault === null || sinceMs > RETRY_MS || state.session.token !== refused);
  if (!isNew && sinceMs < (state.table.fault === null ? AGAIN_MS : RETRY_MS)) return;
  asking = true;
  askedAtMs = performance.now();
  const { token } = state.session;
  try {
    const [view, powers] = await Promise.all([ask(`/api/tables/${encodeURIComponent(brief.table)}`), state.table.powers ?? ask("/api/powers")]);
    askedFor = wanted;
    update({ table: { ...state.table, view, powers, fault: null } });
  } catch (fault) {
    refused = token;
    if (openBrief()?.table === brief.table) update({ table: { ...state.table, fault: /** @type {Error} */ (fault).message } });
  } finally {
    asking = false;
  }
}

/** Say *act* at the open table; returns why it is not known to be said, or nothing. @param {Row} act @returns {Promise<string>} */
export async function sayAtTable(act) {
  try {
    await send({ order: "at_table", table: openBrief()?.table, act });
    askedAtMs = -Infinity;
    return "";
  } catch (fault) {
    return whyNot(fault);
  }
}
