// A log checked by this browser: its leaves hashed here to a root, that root against the signed one, and the signatures.
// What was proved is said as facts, and so is what was not.

import { LONGER_S, answerTo, ask } from "../ask.js";
import { base64Of, bytesOf, canVerify, checkpoint, isSame, signedBy, splitNote, vkey } from "./note.js";
import { leafHashes, rootOf, unpacked } from "./merkle.js";

/** @typedef {import("../types.js").ProofParts} ProofParts */

const AT_ONCE = 512;

/**
 * @typedef {object} Checked
 * @property {string} log
 * @property {number} size leaves under the signed root
 * @property {number} read leaves fetched and hashed here
 * @property {number} taken leaves that stand for by hashes of the node
 * @property {string} root base64, as found here
 * @property {boolean} isRoot whether that is the signed root
 * @property {"good" | "bad" | "none" | "unchecked"} checkpoint the log's own signature
 * @property {"good" | "bad" | "none" | "unchecked" | "other_root"} receipt the reader's
 * @property {number} receipted leaves that the receipt is for
 * @property {number | null} receiptAtS
 * @property {import("../types.js").RootRow[]} roots whose word it all hangs on
 */

/** @param {string} log @param {number} from @param {number} to @returns {Promise<Uint8Array[]>} */
async function fetched(log, from, to) {
  const asked = new URLSearchParams({ log, start: String(from), stop: String(to) });
  return unpacked(await answerTo(`/api/record/raw?${asked}`, (answer) => answer.arrayBuffer(), { withinS: LONGER_S }));
}

/** Check *log*; *told* hears how many leaves have been hashed. @param {string} log @param {(read: number, of: number) => void} told @returns {Promise<Checked>} throws Error when it cannot be done */
export async function check(log, told) {
  if (!globalThis.crypto?.subtle) throw new Error("no_crypto");
  const parts = /** @type {ProofParts} */ (await ask(`/api/record/proof?log=${encodeURIComponent(log)}`, { withinS: LONGER_S }));
  /** @type {Uint8Array[]} */
  const hashes = [];
  for (let at = parts.start; at < parts.size; at += AT_ONCE) {
    hashes.push(...(await leafHashes(await fetched(log, at, Math.min(at + AT_ONCE, parts.size)))));
    told(hashes.length, parts.size - parts.start);
  }
  const signed = checkpoint(splitNote(parts.checkpoint).text);
  const tiles = parts.tiles.map(bytesOf);
  const root = await rootOf(tiles, hashes);
  const keys = (/** @type {string} */ use) => parts.keys.filter((key) => key.use === use).map((key) => vkey(key.vkey));
  const isAble = await canVerify();
  const own = isAble ? await signedBy(parts.checkpoint, keys("log")) : null;
  const held = parts.receipt === null ? null : checkpoint(splitNote(parts.receipt).text);
  const receipt = isAble && parts.receipt !== null ? await signedBy(parts.receipt, keys("mirror")) : null;
  const receiptRoot = held && held.size >= parts.start && held.size <= parts.size ? await rootOf(tiles, hashes.slice(0, held.size - parts.start)) : null;
  return {
    log, size: parts.size, read: hashes.length, taken: parts.start, root: base64Of(root),
    isRoot: signed.origin === log && signed.size === parts.size && isSame(root, signed.root),
    checkpoint: verdict(isAble, own, true),
    receipt: held && receiptRoot && !isSame(receiptRoot, held.root) ? "other_root" : verdict(isAble, receipt, held !== null),
    receipted: held?.size ?? 0, receiptAtS: receipt?.atS ?? null, roots: parts.roots,
  };
}

/** @param {boolean} isAble @param {{isGood: boolean} | null} signature @param {boolean} isThere @returns {"good" | "bad" | "none" | "unchecked"} */
const verdict = (isAble, signature, isThere) => (!isThere ? "none" : !isAble ? "unchecked" : signature === null ? "none" : signature.isGood ? "good" : "bad");
