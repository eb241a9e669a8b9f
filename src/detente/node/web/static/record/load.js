// What the record page shows beyond the board: the logs, a page of leaves, each link's last hour. Asked for while the
// page is seen, and no oftener than it changes.

import { state, update } from "../store.js";
import { ask } from "../orders.js";

/** @typedef {import("../types.js").LeafPage} LeafPage */

const AGAIN_MS = 5000;

let asking = false;
let askedAtMs = -Infinity;
/** Which question about leaves is the newest: an answer to an older one is dropped. */
let question = 0;

/** Change what the record page holds. @param {Partial<typeof state.record>} change */
export const put = (change) => update({ record: { ...state.record, ...change } });

/** Keep the logs and the histories new while the page is open. */
export async function keepRecord() {
  if (state.view !== "record" || asking || !state.session.role || performance.now() - askedAtMs < AGAIN_MS) return;
  asking = true;
  askedAtMs = performance.now();
  try {
    const peers = (state.board?.peers ?? []).map((peer) => peer.party);
    const [logs, ...samples] = await Promise.all([ask("/api/record/logs"), ...peers.map((peer) => ask(`/api/links/${encodeURIComponent(peer)}/history`))]);
    put({ logs, history: Object.fromEntries(samples.map((found) => [found.peer, found])), fault: null });
    if (!state.record.page && logs.length) await readLeaves({ log: state.record.log || logs[0].log });
  } catch (fault) {
    put({ fault: /** @type {Error} */ (fault).message });
  } finally {
    asking = false;
  }
}

/** Read a page of leaves anew, with *change* to the log or its filters; `before` goes on from there. @param {{log?: string, filters?: Partial<typeof state.record.filters>, before?: number}} [change] */
export async function readLeaves(change = {}) {
  const log = change.log ?? state.record.log;
  const filters = { ...state.record.filters, ...change.filters };
  const isOther = log !== state.record.log;
  if (isOther) filters.text = ""; // only our own words are searched
  put({ log, filters, ...(isOther ? { page: null, unread: null, checked: null, unchecked: null } : {}) });
  const asked = new URLSearchParams({ log, ...filters });
  if (change.before !== undefined) asked.set("before", String(change.before));
  const mine = ++question;
  try {
    const page = /** @type {LeafPage} */ (await ask(`/api/record/leaves?${asked}`));
    if (mine === question) put({ page, unread: null });
  } catch (fault) {
    // Older ones that cannot be read leave those that are shown; other ones that cannot be leave none: they would be the wrong ones.
    if (mine === question) put({ ...(change.before === undefined ? { page: null } : {}), unread: /** @type {Error} */ (fault).message });
  }
}
