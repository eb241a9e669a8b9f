// Which places are near a notified line or inside an activity, as a coarse grid made once: asked for every label, every
// second, it must not depend on how many corners a line has.

const CELLS = 256;
const NEAR_NM = 10;
export const [ELSEWHERE, INSIDE, NEAR_LINE] = [0, 1, 2];

/** @typedef {{kind: string, rings: number[][][]}} Area rings in NM of the map's plane */

/** @param {Area[]} areas @param {number} reachNm half the side of what is covered, about the centre @returns {(east: number, north: number) => number} */
export function nearness(areas, reachNm) {
  const grid = new Uint8Array(CELLS * CELLS);
  const side = (2 * reachNm) / CELLS;
  const cell = (/** @type {number} */ nm) => Math.floor((nm + reachNm) / side);
  /** @param {number} x @param {number} y @param {number} value */
  const mark = (x, y, value) => {
    if (x >= 0 && y >= 0 && x < CELLS && y < CELLS && grid[y * CELLS + x] < value) grid[y * CELLS + x] = value;
  };
  for (const area of areas) {
    if (area.kind === "border") for (const ring of area.rings) lines(ring, side, (east, north) => around(cell(east), cell(north), Math.ceil(NEAR_NM / side), mark));
    else if (area.kind === "activity") inside(area.rings[0] ?? [], reachNm, side, mark);
  }
  return (east, north) => {
    const [x, y] = [cell(east), cell(north)];
    return x >= 0 && y >= 0 && x < CELLS && y < CELLS ? grid[y * CELLS + x] : ELSEWHERE;
  };
}

/** @param {number[][]} ring @param {number} side @param {(east: number, north: number) => void} each */
function lines(ring, side, each) {
  for (let k = 1; k < ring.length; k++) {
    const [[e0, n0], [e1, n1]] = [ring[k - 1], ring[k]];
    const steps = Math.min(4 * CELLS, Math.ceil(Math.hypot(e1 - e0, n1 - n0) / side));
    for (let s = 0; s <= steps; s++) each(e0 + ((e1 - e0) * s) / Math.max(1, steps), n0 + ((n1 - n0) * s) / Math.max(1, steps));
  }
}

/** @param {number} x @param {number} y @param {number} reach @param {(x: number, y: number, value: number) => void} mark */
function around(x, y, reach, mark) {
  for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) mark(x + dx, y + dy, NEAR_LINE);
}

/** @param {number[][]} ring @param {number} reachNm @param {number} side @param {(x: number, y: number, value: number) => void} mark */
function inside(ring, reachNm, side, mark) {
  for (let y = 0; y < CELLS; y++) {
    const north = (y + 0.5) * side - reachNm;
    const crossings = [];
    for (let k = 1; k < ring.length; k++) {
      const [[e0, n0], [e1, n1]] = [ring[k - 1], ring[k]];
      if (n0 > north !== n1 > north) crossings.push(e0 + ((north - n0) / (n1 - n0)) * (e1 - e0));
    }
    crossings.sort((p, q) => p - q);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const [from, to] = [Math.floor((crossings[k] + reachNm) / side), Math.floor((crossings[k + 1] + reachNm) / side)];
      for (let x = Math.max(0, from); x <= Math.min(CELLS - 1, to); x++) mark(x, y, INSIDE);
    }
  }
}
