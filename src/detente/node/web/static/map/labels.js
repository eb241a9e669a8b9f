// Which labels are shown and where: given in order of importance; one that would touch another is tried on four sides
// of its symbol and else left out, and counted. Pure: boxes in, places out.

export const CHAR_PX = 7.3;
export const LINE_PX = 14;
export const LABELS_MAX = 400;
const CELL_PX = 64;
const GAP_PX = 9;
const RING_GAP_PX = 14; // past the ring round a track that an alert names

/**
 * @typedef {{x: number, y: number, lines: string[], kind: number, level: string, must: boolean}} Wanted
 * @typedef {Wanted & {left: number, top: number, width: number, height: number}} Placed
 */

class Occupied {
  constructor() {
    /** @type {Map<number, number[][]>} */
    this.cells = new Map();
  }

  /** @param {number[]} box left, top, right, bottom @param {(cell: number) => boolean} each stops at true */
  static some(box, each) {
    for (let cx = Math.floor(box[0] / CELL_PX); cx <= Math.floor(box[2] / CELL_PX); cx++)
      for (let cy = Math.floor(box[1] / CELL_PX); cy <= Math.floor(box[3] / CELL_PX); cy++)
        if (each((cx + 4096) * 65536 + (cy + 4096))) return true;
    return false;
  }

  /** @param {number[]} box */
  touches(box) {
    return Occupied.some(box, (cell) =>
      (this.cells.get(cell) ?? []).some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3]));
  }

  /** @param {number[]} box */
  add(box) {
    Occupied.some(box, (cell) => {
      const there = this.cells.get(cell);
      if (there) there.push(box);
      else this.cells.set(cell, [box]);
      return false;
    });
  }
}

/**
 * @param {Wanted[]} wanted most important first
 * @param {{limit?: number, all?: boolean, obstacles?: number[][]}} [how] all: place even what overlaps
 * @returns {{placed: Placed[], leftOut: number}}
 */
export function placeLabels(wanted, how = {}) {
  const limit = how.limit ?? LABELS_MAX;
  const occupied = new Occupied();
  (how.obstacles ?? []).forEach((box) => occupied.add(box));
  /** @type {Placed[]} */
  const placed = [];
  for (const label of wanted) {
    if (placed.length >= limit) break;
    const width = Math.max(...label.lines.map((line) => line.length)) * CHAR_PX;
    const height = label.lines.length * LINE_PX;
    const gap = label.level ? RING_GAP_PX : GAP_PX;
    const sides = [[gap, -height - 2], [gap, 4], [-gap - width, -height - 2], [-gap - width, 4]];
    // What must be seen goes farther off rather than over another.
    if (label.must) for (let k = 1; k <= 4; k++) sides.push([gap, -height - 2 - k * height], [gap, 4 + k * height]);
    const boxes = sides.map(([dx, dy]) => [label.x + dx, label.y + dy, label.x + dx + width, label.y + dy + height]);
    const box = boxes.find((candidate) => !occupied.touches(candidate)) ?? (label.must || how.all ? boxes[0] : null);
    if (!box) continue;
    occupied.add(box);
    placed.push({ ...label, left: box[0], top: box[1], width, height });
  }
  return { placed, leftOut: wanted.length - placed.length };
}
