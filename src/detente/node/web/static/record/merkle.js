// The Merkle tree of RFC 6962, as far as a browser needs it: leaves to hashes, hashes and tile roots to one root.

const [LEAF, NODE] = [0, 1];
const TILE_LEVEL = 8; // a tile's root stands over 256 leaves
const AT_ONCE = 256;

/** @param {number} first @param {Uint8Array[]} parts @returns {Promise<Uint8Array>} */
async function hashed(first, ...parts) {
  const whole = new Uint8Array(1 + parts.reduce((sum, part) => sum + part.length, 0));
  whole[0] = first;
  let at = 1;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

/** @param {Uint8Array} leaf */
export const leafHash = (leaf) => hashed(LEAF, leaf);

/** Each leaf after its length as uint16be. @param {ArrayBuffer} packed @returns {Uint8Array[]} throws Error when one is cut short */
export function unpacked(packed) {
  const [view, leaves] = [new DataView(packed), /** @type {Uint8Array[]} */ ([])];
  for (let at = 0; at < packed.byteLength; ) {
    const length = view.getUint16(at);
    if (at + 2 + length > packed.byteLength) throw new Error("entry bundle: cut short");
    leaves.push(new Uint8Array(packed, at + 2, length));
    at += 2 + length;
  }
  return leaves;
}

/** @param {Uint8Array[]} leaves @returns {Promise<Uint8Array[]>} */
export async function leafHashes(leaves) {
  const found = [];
  for (let at = 0; at < leaves.length; at += AT_ONCE) found.push(...(await Promise.all(leaves.slice(at, at + AT_ONCE).map(leafHash))));
  return found;
}

/** The root over whole tiles, by their roots, and the leaves after them. @param {Uint8Array[]} tiles @param {Uint8Array[]} hashes */
export async function rootOf(tiles, hashes) {
  /** @type {[number, Uint8Array][]} */
  const stack = [];
  for (const node of [...tiles.map((tile) => /** @type {[number, Uint8Array]} */ ([TILE_LEVEL, tile])), ...hashes.map((hash) => /** @type {[number, Uint8Array]} */ ([0, hash]))]) {
    stack.push(node);
    while (stack.length > 1 && stack[stack.length - 1][0] === stack[stack.length - 2][0]) {
      const [, right] = /** @type {[number, Uint8Array]} */ (stack.pop());
      const [level, left] = /** @type {[number, Uint8Array]} */ (stack.pop());
      stack.push([level + 1, await hashed(NODE, left, right)]);
    }
  }
  let root = stack.pop()?.[1];
  if (!root) return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(0)));
  for (let below = stack.pop(); below; below = stack.pop()) root = await hashed(NODE, below[1], root);
  return root;
}
