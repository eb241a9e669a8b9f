// Which tracks the desk wants to see. What an alert names, what is selected and what squawks an emergency is never
// hidden, and how many are hidden is always shown.

import { feetOf, MARK } from "./tracks.js";

/** @typedef {{lowFt: number | null, highFt: number | null, slowKt: number | null, fastKt: number | null, declaredBy: number | null, unjudged: boolean, emergency: boolean}} Filter */

/** @type {Readonly<Filter>} */
export const EVERYTHING = Object.freeze({ lowFt: null, highFt: null, slowKt: null, fastKt: null, declaredBy: null, unjudged: false, emergency: false });

/** @param {Filter} filter */
export const isOn = (filter) => Object.entries(EVERYTHING).some(([name, value]) => /** @type {any} */ (filter)[name] !== value);

/** @param {import("./tracks.js").Tracks} tracks @param {number} i @param {Filter} filter */
export function passes(tracks, i, filter) {
  const feet = feetOf(tracks, i);
  const speed = tracks.gsKt[i];
  const { lowFt, highFt, slowKt, fastKt } = filter;
  // An unknown level may be anywhere: it stays in sight, or silence would look like an empty level band.
  if (feet !== null && ((lowFt !== null && feet < lowFt) || (highFt !== null && feet > highFt))) return false;
  if (!Number.isNaN(speed) && ((slowKt !== null && speed < slowKt) || (fastKt !== null && speed > fastKt))) return false;
  if (filter.declaredBy !== null && tracks.declaredBy[i] !== filter.declaredBy) return false;
  if (filter.unjudged && !tracks.notAssessed[i]) return false;
  return !filter.emergency || (tracks.flags[i] & MARK.EMERGENCY) !== 0;
}
