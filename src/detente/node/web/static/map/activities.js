// The activities that the map shows, whatever table they stand at: asked for when a board says that a table changed.

import { state, update } from "../store.js";
import { ask } from "../orders.js";

/** @typedef {Record<string, any>} Row */

const AREAS_MAX = 200;
const PAUSE_MS = 5000;
const PLANNED = ["accepted", "unsigned"];
const ACTIVE = ["activated", "nonconforming", "contingent"];

/** Activities as areas, one a volume; at most 200. @param {Row[]} activities rows of a table's view @returns {Row[]} */
export const activityAreas = (activities) =>
  activities.filter(({ state: is }) => PLANNED.includes(is) || ACTIVE.includes(is)).flatMap((row) => row.volumes.map((/** @type {Row} */ volume) => ({
    activity: row.activity, title: row.title, party: row.by, state: ACTIVE.includes(row.state) ? "active" : "planned", said: row.state,
    rings: volume.rings, datum: volume.datum, floor_ft: volume.floor_ft, ceiling_ft: volume.ceiling_ft, floor_cm: volume.floor_cm, ceiling_cm: volume.ceiling_cm, start_ms: volume.start_ms, end_ms: volume.end_ms,
  }))).slice(0, AREAS_MAX);

let asked = "";
let askedAtMs = -Infinity;
let asking = false;

/** Keep them as new as the boards say. */
export async function keepActivities() {
  const briefs = (state.board?.tables ?? []).filter((/** @type {Row} */ brief) => brief.open_activities > 0);
  const wanted = JSON.stringify([briefs.map((/** @type {Row} */ brief) => brief.digest), state.session.role]);
  if (wanted === asked || asking || performance.now() - askedAtMs < PAUSE_MS || !state.session.role || state.replay) return;
  askedAtMs = performance.now();
  asking = true;
  try {
    const views = await Promise.all(briefs.map((/** @type {Row} */ brief) => ask(`/api/tables/${encodeURIComponent(brief.table)}`)));
    asked = wanted;
    update({ activities: views.flatMap((view) => view.activities ?? []) });
  } catch {
    // the table's own page says what is wrong with it; the map asks again
  } finally {
    asking = false;
  }
}
