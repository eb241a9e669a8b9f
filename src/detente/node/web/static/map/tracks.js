// One track frame as columns: a subset reader for the msgpack map that `detente.desk.frame` writes.

/**
 * @typedef {object} Tracks
 * @property {number} n
 * @property {number} atMs
 * @property {Uint32Array} number
 * @property {Float64Array} lat degrees
 * @property {Float64Array} lon degrees
 * @property {Int32Array} altFt  ALTITUDE_UNKNOWN when unknown
 * @property {Float32Array} gsKt
 * @property {Float32Array} trkDeg
 * @property {Float32Array} vsFpm
 * @property {Float32Array} ageS
 * @property {Uint8Array} party
 * @property {Uint8Array} declaredBy  255 nobody
 * @property {Uint16Array} flags
 * @property {Uint8Array} notAssessed
 * @property {Uint8Array} other
 * @property {Uint32Array} sameAs  number of the track that stands for this aircraft; 0 when this one does
 * @property {Uint8Array} callsign  8 bytes a track
 * @property {Uint8Array} identity  16 bytes a track
 * @property {Float32Array} east  nautical miles in the map's plane; filled by `project`
 * @property {Float32Array} north
 * @property {Float32Array} lean  radians by which true north leans to the left of the plane's; filled by `project`
 * @property {Map<number, number>} rowOf  number → row
 */

export const FRAME = "detente-tracks/2";
export const ALTITUDE_UNKNOWN = -(2 ** 31);
export const MARK = { COASTED: 1, STALE: 2, ON_GROUND: 4, SECONDARY: 8, EMERGENCY: 16, SYNTHETIC: 32 };

/** @type {[string, string, any, number][]} */
const COLUMNS = [
  ["number", "number", Uint32Array, 4], ["lat", "lat", Float64Array, 8], ["lon", "lon", Float64Array, 8],
  ["alt_ft", "altFt", Int32Array, 4], ["gs_kt", "gsKt", Float32Array, 4], ["trk_deg", "trkDeg", Float32Array, 4],
  ["vs_fpm", "vsFpm", Float32Array, 4], ["age_s", "ageS", Float32Array, 4], ["party", "party", Uint8Array, 1],
  ["declared_by", "declaredBy", Uint8Array, 1], ["flags", "flags", Uint16Array, 2],
  ["not_assessed", "notAssessed", Uint8Array, 1], ["other", "other", Uint8Array, 1], ["same_as", "sameAs", Uint32Array, 4],
  ["callsign", "callsign", Uint8Array, 8], ["identity", "identity", Uint8Array, 16],
];

/** @param {ArrayBuffer} buffer @returns {Tracks} throws RangeError or TypeError when it is not a frame */
export function readFrame(buffer) {
  const map = readMap(new DataView(buffer));
  if (map.frame !== FRAME) throw new TypeError("not a track frame");
  const n = map.n;
  /** @type {any} */
  const tracks = { n, atMs: map.at_ms, east: new Float32Array(n), north: new Float32Array(n), lean: new Float32Array(n), rowOf: new Map() };
  for (const [name, property, Column, width] of COLUMNS) {
    const bytes = map[name];
    if (!(bytes instanceof Uint8Array) || bytes.byteLength !== n * width) throw new TypeError(`column ${name}`);
    // Bytes are read where they came; wider figures have to begin at a multiple of their width, and that is a copy.
    tracks[property] = Column === Uint8Array ? bytes : new Column(buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }
  for (let i = 0; i < n; i++) tracks.rowOf.set(tracks.number[i], i);
  return tracks;
}

/** @param {DataView} view @returns {Record<string, any>} */
function readMap(view) {
  let at = 0;
  const text = new TextDecoder();
  const take = (/** @type {number} */ length) => new Uint8Array(view.buffer, (at += length) - length, length);
  /** @returns {any} a number, a text, or the bytes of a column */
  const value = () => {
    const tag = view.getUint8(at++);
    if (tag < 0x80) return tag;
    if ((tag & 0xe0) === 0xa0) return text.decode(take(tag & 0x1f));
    switch (tag) {
      case 0xc4: return take(view.getUint8(at++));
      case 0xc5: return take(view.getUint16((at += 2) - 2));
      case 0xc6: return take(view.getUint32((at += 4) - 4));
      case 0xcc: return view.getUint8(at++);
      case 0xcd: return view.getUint16((at += 2) - 2);
      case 0xce: return view.getUint32((at += 4) - 4);
      case 0xcf: return Number(view.getBigUint64((at += 8) - 8));
      case 0xd3: return Number(view.getBigInt64((at += 8) - 8));
      case 0xd9: return text.decode(take(view.getUint8(at++)));
      default: throw new TypeError(`msgpack tag ${tag}`);
    }
  };
  const head = view.getUint8(at++);
  const size = (head & 0xf0) === 0x80 ? head & 0x0f : head === 0xde ? view.getUint16((at += 2) - 2) : -1;
  if (size < 0) throw new TypeError("not a msgpack map");
  /** @type {Record<string, any>} */
  const map = {};
  for (let i = 0; i < size; i++) {
    const key = value();
    map[key] = value();
  }
  return map;
}

/** @param {Uint8Array} column @param {number} row @param {number} width */
function ascii(column, row, width) {
  let text = "";
  for (let i = row * width; i < (row + 1) * width && column[i]; i++) {
    // Only printable ASCII is a callsign; anything else would be someone's trick on the eye.
    text += column[i] > 0x20 && column[i] < 0x7f ? String.fromCharCode(column[i]) : "·";
  }
  return text;
}

/** @param {Tracks} tracks @param {number} row */
export const callsignOf = (tracks, row) => ascii(tracks.callsign, row, 8);

/** @param {Tracks} tracks @param {number} row */
export const identityOf = (tracks, row) => ascii(tracks.identity, row, 16);

/** Callsign, else identity without its scheme, else `?`. @param {Tracks} tracks @param {number} row */
export const labelOf = (tracks, row) => callsignOf(tracks, row) || identityOf(tracks, row).replace(/^.*:/, "") || "?";

/** @param {Tracks} tracks @param {number} row @returns {number | null} */
export const feetOf = (tracks, row) => (tracks.altFt[row] === ALTITUDE_UNKNOWN ? null : tracks.altFt[row]);
