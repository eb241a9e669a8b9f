// The files of a dossier's zip: stored, not packed, with plain names. Whatever a dossier never holds is refused.

export const ZIP_MAX = 256 * 1024 * 1024;
const FILES_MAX = 10_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9./-]{0,120}$/;
const [END, ENTRY, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const END_SIZE = 22;

/** @param {ArrayBuffer} buffer @returns {Map<string, Uint8Array>} throws Error that says what is wrong */
export function filesIn(buffer) {
  if (buffer.byteLength > ZIP_MAX) throw new Error("zip: too large");
  const view = new DataView(buffer);
  // A dossier has no comment behind its end: an end anywhere else could hide a second list.
  const end = buffer.byteLength - END_SIZE;
  if (end < 0 || view.getUint32(end, true) !== END || view.getUint16(end + 20, true) !== 0) throw new Error("zip: no end record");
  const count = view.getUint16(end + 10, true);
  if (count > FILES_MAX || view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) throw new Error("zip: too many files, or in several volumes");
  const files = new Map();
  let at = view.getUint32(end + 16, true);
  for (let k = 0; k < count; k++) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY) throw new Error("zip: damaged list");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [nameLength, extraLength, commentLength] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)];
    const from = view.getUint32(at + 42, true);
    if (at + 46 + nameLength > end) throw new Error("zip: damaged list");
    const name = new TextDecoder().decode(new Uint8Array(buffer, at + 46, nameLength));
    if (method !== 0 || packed !== size || flags & ~0x800) throw new Error(`zip: ${name} is packed or encrypted`);
    if (!NAME.test(name) || name.split("/").some((part) => !part || part.startsWith(".")) || files.has(name)) throw new Error("zip: a name that no dossier has");
    if (from + 30 > end || view.getUint32(from, true) !== LOCAL) throw new Error(`zip: ${name} is not where the list says`);
    const start = from + 30 + view.getUint16(from + 26, true) + view.getUint16(from + 28, true);
    if (start + size > end) throw new Error(`zip: ${name} is cut short`);
    files.set(name, new Uint8Array(buffer, start, size));
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}
