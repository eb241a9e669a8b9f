// Land, and only land: Natural Earth 1:50m, packed by tools/pack_basemap.py, projected once into paths.

import { RADIUS_NM } from "./project.js";

/** @typedef {{path: Path2D, west: number, east: number, south: number, north: number}} Shore */

const WITHIN_MS = 60_000;
const AGAIN_MS = 1000;

/** @returns {Promise<ArrayBuffer>} once the node has given it */
export async function loadLand() {
  for (;;) {
    try {
      const answer = await fetch("/static/map/land-50m.bin", { signal: AbortSignal.timeout(WITHIN_MS) });
      if (answer.ok) return await answer.arrayBuffer();
    } catch {
      // a node that is starting again
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @param {(latitude: number, longitude: number) => void} each
 * @param {(end: boolean) => void} ring
 */
export function readLand(buffer, each, ring) {
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  if (new TextDecoder().decode(bytes.subarray(0, 5)) !== "DLND1") throw new TypeError("not a packed land map");
  const [lonScale, latScale, lon0, lat0] = [5, 13, 21, 29].map((at) => view.getFloat64(at, true));
  let at = 37;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const zigzag = () => {
    const v = varint();
    return (v >>> 1) ^ -(v & 1);
  };
  for (let rings = varint(); rings > 0; rings--) {
    let [x, y] = [0, 0];
    ring(false);
    for (let points = varint(); points > 0; points--) {
      x += zigzag();
      y += zigzag();
      each(lat0 + y * latScale, lon0 + x * lonScale);
    }
    ring(true);
  }
}

/**
 * Land that holds the antipode of the centre has infinity inside: its image is everything outside its line. Such a ring
 * winds about the centre against the clock (land lies to the right of every outer ring of the file) and reaches beyond
 * the hemisphere; a lake about the centre also does, but never so far. A frame around all turns it outside in again.
 * @param {Shore} shore
 */
function aroundTheAntipode(shore) {
  const far = 20 * RADIUS_NM;
  shore.path.rect(-far, -far, 2 * far, 2 * far);
  Object.assign(shore, { west: -far, east: far, south: -far, north: far });
}

/** @param {ArrayBuffer} buffer @param {import("./project.js").Projection} projection @returns {Shore[]} in NM, north up */
export function shores(buffer, projection) {
  /** @type {Shore[]} */
  const found = [];
  /** @type {Shore} */
  let shore;
  let first = true;
  let [winding, lastEast, lastNorth, reach] = [0, 0, 0, 0];
  readLand(
    buffer,
    (latitude, longitude) => {
      const { east, north } = projection.forward(latitude, longitude);
      if (first) shore.path.moveTo(east, -north);
      else shore.path.lineTo(east, -north);
      winding = first ? 0 : winding + Math.atan2(lastEast * north - east * lastNorth, lastEast * east + lastNorth * north);
      reach = first ? 0 : Math.max(reach, Math.hypot(east, north));
      [first, lastEast, lastNorth] = [false, east, north];
      shore.west = Math.min(shore.west, east);
      shore.east = Math.max(shore.east, east);
      shore.south = Math.min(shore.south, north);
      shore.north = Math.max(shore.north, north);
    },
    (end) => {
      if (end) {
        shore.path.closePath();
        if (winding > Math.PI && reach > 2 * RADIUS_NM) aroundTheAntipode(shore);
        found.push(shore);
      } else {
        shore = { path: new Path2D(), west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
        first = true;
      }
    },
  );
  return found;
}
