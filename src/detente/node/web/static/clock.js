// The node's time on this desk: its instants carried on by the browser's monotonic clock, never by its wall clock.

let offsetMs = NaN;

/** The node said that now is *atMs*. @param {number} atMs */
export function heard(atMs) {
  const offset = atMs - performance.now();
  // A late message must not set the clock back: the smallest delay seen is nearest the truth.
  if (!(offset < offsetMs) || offsetMs - offset > 1500) offsetMs = offset;
}

let shownMs = NaN;

/** A replay shows another time than the present one; NaN: the present again. @param {number} ms */
export function pretend(ms) {
  shownMs = ms;
}

/** @returns {number} the node's time, milliseconds UTC; NaN before its first word */
export const liveNow = () => offsetMs + performance.now();

/** @returns {number} the time that the desk shows: the node's, or a replay's */
export const nodeNow = () => (Number.isNaN(shownMs) ? liveNow() : shownMs);

/** @returns {number} node clock minus this desk's, milliseconds */
export const deskDifferenceMs = () => liveNow() - Date.now();
