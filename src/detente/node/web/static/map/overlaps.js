// What the node says of a volume that is being prepared: which standing activities it overlaps, and what a pasted text is.

import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { ask } from "../orders.js";
import { openBrief } from "../tables/load.js";
import { declared, volumeOfPlan } from "./volume-act.js";
import { readGeoJson } from "./volume.js";

/** @typedef {import("./volume.js").Volume} Volume */

const PAUSE_MS = 300;
let asked = "";
let timer = 0;

/** Ask once the volume has stood still for a moment; an answer to an older volume is dropped. @param {Volume & Record<string, any>} volume @param {string} wrong */
export function checkOverlaps(volume, wrong) {
  const body = wrong ? "" : JSON.stringify(declared(volume));
  if (body === asked) return;
  asked = body;
  clearTimeout(timer);
  if (!body) return;
  timer = setTimeout(async () => {
    const table = openBrief()?.table;
    let told;
    try {
      if (!table) throw new Error(t("table.no_tables"));
      const said = await ask(`/api/tables/${encodeURIComponent(table)}/overlaps`, { method: "POST", body });
      told = { checked: "checked", overlaps: said.overlaps, said, why: "" };
    } catch (fault) {
      told = { checked: "not_checked", overlaps: [], said: null, why: /** @type {Error} */ (fault).message };
    }
    if (body === asked && state.volume) update({ volume: { ...state.volume, ...told } });
  }, PAUSE_MS);
  if (volume.checked !== "not_yet") queueMicrotask(() => state.volume && update({ volume: { ...state.volume, checked: "not_yet", overlaps: [] } }));
}

/** A pasted text: a plain GeoJSON shape is read here, whatever else it is the node reads. @param {string} text @returns {Promise<{volume: Record<string, any> | null, refusal: string}>} */
export async function readPasted(text) {
  const shape = text.trim().startsWith("{") ? readGeoJson(text) : null;
  try {
    const read = await ask("/api/activities/read", { method: "POST", body: JSON.stringify({ text }) });
    return { volume: { ...volumeOfPlan(read.plans[0].plan), changes: null }, refusal: read.plans.length > 1 ? t("volume.first_of", { n: read.plans.length }) : read.from_q_line ? t("volume.from_q_line") : "" };
  } catch (fault) {
    // A shape without times or levels is no plan yet: the form asks for the rest.
    return shape ? { volume: { ...shape, parts: [null], at: 0, changes: null, read: {} }, refusal: "" } : { volume: null, refusal: /** @type {Error} */ (fault).message };
  }
}
