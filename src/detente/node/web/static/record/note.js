// Signed notes as the record keeps them (C2SP signed-note, checkpoints and cosignatures), read by the browser itself.

/**
 * @typedef {{name: string, algorithm: number, id: Uint8Array, key: Uint8Array}} Vkey
 * @typedef {{name: string, id: Uint8Array, signature: Uint8Array}} Line
 */

const [ED25519, COSIGNATURE] = [1, 4];

/** @param {string} text base64 @returns {Uint8Array<ArrayBuffer>} */
export const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

/** @param {Uint8Array} bytes */
export const base64Of = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** @param {Uint8Array} a @param {Uint8Array} b */
export const isSame = (a, b) => a.length === b.length && a.every((byte, k) => byte === b[k]);

/** The text that is signed and the lines under it. @param {string} note @returns {{text: string, lines: Line[]}} throws Error */
export function splitNote(note) {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw new Error("note: no signatures under the text");
  const lines = note.slice(end + 2).split("\n").filter(Boolean).map((line) => {
    const [dash, name, signed] = line.split(" ");
    if (dash !== "—" || !name || !signed) throw new Error("note: malformed signature line");
    const raw = bytesOf(signed);
    return { name, id: raw.slice(0, 4), signature: raw.slice(4) };
  });
  return { text: note.slice(0, end + 1), lines };
}

/** Origin, size and root. @param {string} text @returns {{origin: string, size: number, root: Uint8Array}} throws Error */
export function checkpoint(text) {
  const [origin, size, root, end] = text.split("\n");
  if (end !== "" || !/^(0|[1-9]\d*)$/.test(size)) throw new Error("checkpoint: not origin, size and root");
  return { origin, size: Number(size), root: bytesOf(root) };
}

/** `name+hex(key id)+base64(algorithm, key)`. @param {string} text @returns {Vkey} */
export function vkey(text) {
  const [name, id, ...rest] = text.split("+");
  const raw = bytesOf(rest.join("+"));
  return { name, algorithm: raw[0], id: Uint8Array.from(id.match(/../g) ?? [], (byte) => parseInt(byte, 16)), key: raw.slice(1) };
}

/** Whether this browser verifies Ed25519. A page that came over plain HTTP from another machine has no cryptography at all. */
export async function canVerify() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** What a key signed: the text, or under a cosignature a time and the text. @param {Vkey} key @param {Line} line @param {string} text */
function message(key, line, text) {
  const encoder = new TextEncoder();
  if (key.algorithm === ED25519) return { signed: encoder.encode(text), signature: line.signature, atS: null };
  const atS = Number(new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0));
  return { signed: encoder.encode(`cosignature/v1\ntime ${atS}\n${text}`), signature: line.signature.slice(8), atS };
}

/** The first line under *note* that one of *keys* made, verified. @param {string} note @param {Vkey[]} keys @returns {Promise<{name: string, atS: number | null, isGood: boolean} | null>} null: none of them signed in a way this browser knows */
export async function signedBy(note, keys) {
  const { text, lines } = splitNote(note);
  for (const line of lines) {
    for (const key of keys) {
      if (key.name !== line.name || !isSame(key.id, line.id) || ![ED25519, COSIGNATURE].includes(key.algorithm)) continue;
      const { signed, signature, atS } = message(key, line, text);
      const imported = await crypto.subtle.importKey("raw", /** @type {BufferSource} */ (key.key), "Ed25519", false, ["verify"]);
      const isGood = await crypto.subtle.verify("Ed25519", imported, /** @type {BufferSource} */ (signature), signed);
      return { name: line.name, atS, isGood };
    }
  }
  return null;
}
