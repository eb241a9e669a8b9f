// The node's time on this desk: its instants carried on by the browser's monotonic clock, never by its wall clock.

let offsetMs = NaN;

/** The node said that now is *atMs*. @param {number} atMs */
export function heard(atMs) {
  const offset = atMs - performance.now();
  // A late message must not set the clock back: the smallest delay seen is nearest the truth.
  if (!(offset < offsetMs) || offsetMs - offset > 1500) offsetMs = offset;
}

/** @returns {number} the node's time, milliseconds UTC; NaN before its first word */
export const nodeNow = () => offsetMs + performance.now();

/** @returns {number} node clock minus this desk's, milliseconds */
export const deskDifferenceMs = () => nodeNow() - Date.now();
