// What the record page shows beyond the board: the logs, a page of leaves, each link's last hour. Asked for while the
// page is seen, and no oftener than it changes.

import { state, update } from "../store.js";
import { ask } from "../orders.js";

/** @typedef {import("../types.js").LeafPage} LeafPage */

const AGAIN_MS = 5000;

let askedAtMs = -Infinity;
/** What is asked and not answered yet: what hangs holds up nothing else, and is not asked again meanwhile. @type {Set<string>} */
const asking = new Set();
/** Which question about leaves is the newest: an answer to an older one is dropped. */
let question = 0;

/** Change what the record page holds. @param {Partial<typeof state.record>} change */
export const put = (change) => update({ record: { ...state.record, ...change } });

/** @param {string} path @param {(found: any) => unknown} take @param {(why: string) => void} tell why it could not be read */
async function keep(path, take, tell) {
  if (asking.has(path)) return;
  asking.add(path);
  try {
    await take(await ask(path));
  } catch (fault) {
    tell(/** @type {Error} */ (fault).message);
  } finally {
    asking.delete(path);
  }
}

/** Keep the logs and the histories new while the page is open, each for itself: one that cannot be read hides no other. */
export function keepRecord() {
  if (state.view !== "record" || !state.session.role || performance.now() - askedAtMs < AGAIN_MS) return;
  askedAtMs = performance.now();
  keep("/api/record/logs", tookLogs, (why) => put({ fault: why }));
  for (const { party } of state.board?.peers ?? []) {
    const of = (/** @type {typeof state.record.history[string]} */ found) => put({ history: { ...state.record.history, [party]: found } });
    keep(`/api/links/${encodeURIComponent(party)}/history`, (samples) => of({ samples, why: null }), (why) => of({ samples: null, why }));
  }
}

/** @param {import("../types.js").LogRow[]} logs */
async function tookLogs(logs) {
  put({ logs, fault: null });
  if (!state.record.page && logs.length) await readLeaves({ log: state.record.log || logs[0].log });
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
