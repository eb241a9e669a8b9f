// Where each track was: one place every few seconds, for history dots and trails. Bounded: a track unheard is forgotten.

export const EVERY_MS = 5000;
export const KEPT = 24;

export class History {
  constructor() {
    /** @type {Map<number, {east: Float32Array, north: Float32Array, used: number, atMs: number}>} */
    this.of = new Map();
    this.lastMs = -Infinity;
  }

  /** Take the projected places of *tracks*, when it is time to. @param {import("./tracks.js").Tracks} tracks */
  take(tracks) {
    if (tracks.atMs < this.lastMs) this.of.clear(); // a replay was wound back: trails of another time would lie
    else if (tracks.atMs - this.lastMs < EVERY_MS) return;
    this.lastMs = tracks.atMs;
    for (let i = 0; i < tracks.n; i++) {
      let past = this.of.get(tracks.number[i]);
      if (!past) {
        past = { east: new Float32Array(KEPT), north: new Float32Array(KEPT), used: 0, atMs: 0 };
        this.of.set(tracks.number[i], past);
      }
      const slot = past.used % KEPT;
      past.east[slot] = tracks.east[i];
      past.north[slot] = tracks.north[i];
      past.used += 1;
      past.atMs = tracks.atMs;
    }
    for (const [number, past] of this.of) if (past.atMs !== tracks.atMs) this.of.delete(number);
  }

  /** The last *count* places of a track, newest first. @param {number} number @param {number} count @param {(east: number, north: number) => void} each */
  places(number, count, each) {
    const past = this.of.get(number);
    if (!past) return;
    const have = Math.min(past.used, KEPT, count);
    for (let k = 1; k <= have; k++) {
      const slot = (past.used - k) % KEPT;
      each(past.east[slot], past.north[slot]);
    }
  }
}
