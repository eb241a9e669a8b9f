// What flashes, flashes together: the strip's sign and the rings on the map, half of each second.

const STEADY = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether it is in inverse now; always, for who wants no motion. @param {number} now the node's time, ms */
export const isInverse = (now) => STEADY.matches || Math.floor(now / 500) % 2 === 0;
