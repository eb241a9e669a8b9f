// Track frames of a dossier as the map takes them: of each writer its newest frame, if it is not older than a frame may be.

import { ALTITUDE_UNKNOWN, MARK } from "../map/tracks.js";

export const LATE_MS = 30_000; // as the node takes a peer's frame
const STALE_MS = 15_000;
const NOBODY = 255;

/** @typedef {import("./dossier.js").TrackFrame} TrackFrame */

/** @param {TrackFrame[]} frames in order of time @param {number} atMs @returns {TrackFrame[]} one a writer */
export function newestOf(frames, atMs) {
  /** @type {Map<string, TrackFrame>} */
  const found = new Map();
  for (const frame of frames) {
    if (frame.atMs > atMs) break;
    if (frame.atMs > atMs - LATE_MS) found.set(frame.writer, frame);
  }
  return [...found.values()];
}

/** @type {Map<string, number>} the numbers given to writer and ref, for the life of the page */
const numbers = new Map();

/** @param {string} name */
function numberOf(name) {
  const known = numbers.get(name);
  if (known !== undefined) return known;
  numbers.set(name, numbers.size + 1);
  return numbers.size;
}

const whole = (/** @type {unknown} */ value, /** @type {number} */ otherwise) => (typeof value === "number" && Number.isFinite(value) ? value : otherwise);

/** @param {TrackFrame[]} frames @param {number} atMs @param {string[]} parties ids by index @returns {import("../map/tracks.js").Tracks} */
export function tracksOf(frames, atMs, parties) {
  const rows = frames.flatMap((frame) => frame.items.map((item) => ({ item, writer: frame.writer })));
  const n = rows.length;
  const tracks = {
    n, atMs, number: new Uint32Array(n), lat: new Float64Array(n), lon: new Float64Array(n), altFt: new Int32Array(n), gsKt: new Float32Array(n),
    trkDeg: new Float32Array(n), vsFpm: new Float32Array(n), ageS: new Float32Array(n), party: new Uint8Array(n), declaredBy: new Uint8Array(n),
    flags: new Uint16Array(n), notAssessed: new Uint8Array(n), other: new Uint8Array(n), sameAs: new Uint32Array(n), callsign: new Uint8Array(8 * n),
    identity: new Uint8Array(16 * n), east: new Float32Array(n), north: new Float32Array(n), lean: new Float32Array(n), rowOf: new Map(),
  };
  for (const [i, { item, writer }] of rows.entries()) {
    const [ref, seenMs, lat, lon, , feet, vEast, vNorth, vUp, callsign, identity, , , isOurs, onGround, isSynthetic, isAssessed] = item;
    const ageS = (atMs - whole(seenMs, atMs)) / 1000;
    const [east, north] = [whole(vEast, NaN) / 100, whole(vNorth, NaN) / 100];
    const party = parties.indexOf(writer);
    tracks.number[i] = numberOf(`${writer} ${ref}`);
    // Carried on along its course, as the desk of that time did.
    tracks.lat[i] = whole(lat, 0) / 1e7 + (Number.isFinite(north) ? (north * ageS) / 111_195 : 0);
    tracks.lon[i] = whole(lon, 0) / 1e7 + (Number.isFinite(east) ? (east * ageS) / (111_195 * Math.cos((whole(lat, 0) / 1e7) * (Math.PI / 180))) : 0);
    tracks.altFt[i] = whole(feet, ALTITUDE_UNKNOWN);
    tracks.gsKt[i] = Math.hypot(east, north) / 0.514444;
    tracks.trkDeg[i] = ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
    tracks.vsFpm[i] = whole(vUp, NaN) / 0.508;
    tracks.ageS[i] = ageS;
    tracks.party[i] = party < 0 ? NOBODY : party;
    tracks.declaredBy[i] = isOurs && party >= 0 ? party : NOBODY;
    tracks.flags[i] = (ageS * 1000 > STALE_MS ? MARK.STALE : 0) | (onGround ? MARK.ON_GROUND : 0) | (isSynthetic ? MARK.SYNTHETIC : 0);
    tracks.notAssessed[i] = isAssessed ? 0 : 1;
    put(tracks.callsign, 8 * i, 8, callsign);
    put(tracks.identity, 16 * i, 16, identity);
    tracks.rowOf.set(tracks.number[i], i);
  }
  return tracks;
}

/** @param {Uint8Array} column @param {number} at @param {number} width @param {unknown} text */
function put(column, at, width, text) {
  if (typeof text === "string") for (let k = 0; k < Math.min(width, text.length); k++) column[at + k] = text.charCodeAt(k);
}
