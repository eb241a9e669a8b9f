// A dossier, opened to be shown again: its leaves in order of time, and the track frames among them. Whether
// it holds the node says (`check.js`); nothing is verified here.

import { filesIn } from "./zip.js";

/** @typedef {import("./fold.js").Leaf} Leaf */
/** @typedef {{atMs: number, writer: string, items: any[][]}} TrackFrame */
/** @typedef {{fromMs: number, toMs: number, by: string, leaves: Leaf[], frames: TrackFrame[], unread: number}} Opened */

const LEAVES_MAX = 60_000;
const MANIFEST = "detente-dossier/v1\n";
const ENVELOPE = "detente-envelope/v1\n";
const ORIGIN = /^([a-z0-9.-]+)\/detente\/to\/([a-z0-9.-]+)\/(flash|ops|track)\/(\d+)$/;
const text = new TextDecoder("utf-8", { fatal: true });

/** The one line of JSON of a signed note. @param {Uint8Array | undefined} note @param {string} head @returns {any} */
function lineOf(note, head) {
  if (!note) throw new Error(`no ${head.trim()}`);
  const all = text.decode(note);
  if (!all.startsWith(head)) throw new Error(`not a ${head.trim()}`);
  return JSON.parse(all.slice(head.length, all.indexOf("\n", head.length)));
}

/** @param {ArrayBuffer} buffer @returns {Promise<Opened>} throws Error that says what is wrong */
export async function openDossier(buffer) {
  const files = filesIn(buffer);
  const manifest = lineOf(files.get("manifest.note"), MANIFEST);
  const parties = new Map(manifest.parties.map((/** @type {any} */ one) => [one.node, one.party]));
  /** @type {Opened} */
  const opened = { fromMs: Infinity, toMs: -Infinity, by: String(manifest.by), leaves: [], frames: [], unread: 0 };
  let exhibit = 0;
  let count = 0;
  for (const [k, log] of manifest.logs.entries()) {
    const origin = ORIGIN.exec(log.origin);
    count += log.stop - log.start;
    if (!origin || !(count <= LEAVES_MAX)) throw new Error(origin ? `more than ${LEAVES_MAX} leaves` : "a log of no known name");
    const [, writer, reader, lane] = origin;
    const sides = { writer: parties.get(`${writer}/detente`) ?? writer, reader: parties.get(`${reader}/detente`) ?? reader, lane, log: log.origin };
    const entries = log.form === "exhibits" ? exhibits(files, exhibit, log.stop - log.start) : tiles(files, k);
    if (log.form === "exhibits") exhibit += log.stop - log.start;
    for (const [n, { leaf, body, items }] of entries.entries()) await take(opened, sides, log.start + n, leaf, body, items);
  }
  opened.leaves.sort((p, q) => p.at_ms - q.at_ms || p.seq - q.seq);
  opened.frames.sort((p, q) => p.atMs - q.atMs);
  if (!(opened.toMs > opened.fromMs)) opened.toMs = opened.fromMs + 1000;
  if (!Number.isFinite(opened.fromMs)) throw new Error("nothing in it that can be shown");
  return opened;
}

/** @typedef {{leaf: Uint8Array, body: Uint8Array | undefined, items: Uint8Array | undefined}} Entry */

/** @param {Map<string, Uint8Array>} files @param {number} before @param {number} n @returns {Entry[]} */
function exhibits(files, before, n) {
  return Array.from({ length: n }, (_, k) => {
    const number = String(before + k + 1).padStart(4, "0");
    const leaf = files.get(`exhibits/${number}.leaf`);
    if (!leaf) throw new Error(`exhibit ${number} is missing`);
    return { leaf, body: files.get(`exhibits/${number}.body`), items: files.get(`exhibits/${number}.items`) };
  });
}

/** A whole log: bundles of entries, each leaf after its length, and the bodies beside them. @param {Map<string, Uint8Array>} files @param {number} log @returns {Entry[]} */
function tiles(files, log) {
  const head = `logs/${String(log).padStart(3, "0")}/`;
  const names = [...files.keys()].filter((name) => name.startsWith(`${head}tile/entries/`));
  // x001/x234/067 sorts as written, and the partial bundle, 067.p/12, is the last of all.
  const order = (/** @type {string} */ name) => name.replace(/\.p\/\d+$/, "~").replaceAll("x", "").split("/").slice(4).map((part) => part.padStart(4, "0")).join("");
  const length = (/** @type {string} */ name) => name.split("/").length - (name.includes(".p/") ? 1 : 0);
  names.sort((p, q) => length(p) - length(q) || (order(p) < order(q) ? -1 : 1));
  return names.flatMap((name) => {
    const leaves = lengths(/** @type {Uint8Array} */ (files.get(name)), 2);
    const bodies = bodiesIn(files.get(name.replace("tile/entries/", "bodies/")));
    return leaves.map((leaf, k) => ({ leaf, body: bodies[k], items: undefined }));
  });
}

/** @param {Uint8Array} raw @param {number} width of each length, bytes @returns {Uint8Array[]} */
function lengths(raw, width) {
  const found = [];
  for (let at = 0; at < raw.length;) {
    let size = 0;
    for (let k = 0; k < width; k++) size = size * 256 + raw[at + k];
    if (!(at + width + size <= raw.length)) throw new Error("entries cut short");
    found.push(raw.subarray(at + width, (at += width + size)));
  }
  return found;
}

/** @param {Uint8Array | undefined} raw @returns {(Uint8Array | undefined)[]} */
function bodiesIn(raw) {
  const found = [];
  for (let at = 0; raw && at < raw.length;) {
    const salt = raw[at];
    if (salt === 0) {
      found.push(undefined);
      at += 1;
      continue;
    }
    const from = at + 1 + salt + 4;
    if (!(from <= raw.length)) throw new Error("bodies cut short");
    const size = new DataView(raw.buffer, raw.byteOffset + from - 4, 4).getUint32(0);
    if (!(from + size <= raw.length)) throw new Error("bodies cut short");
    found.push(raw.subarray(from, (at = from + size)));
  }
  return found;
}

/** @param {Opened} opened @param {{writer: string, reader: string, lane: string, log: string}} sides @param {number} seq @param {Uint8Array} leaf @param {Uint8Array | undefined} body @param {Uint8Array | undefined} items */
async function take(opened, sides, seq, leaf, body, items) {
  try {
    const said = lineOf(leaf, ENVELOPE);
    if (!Number.isFinite(said.ts)) throw new Error("no time");
    opened.fromMs = Math.min(opened.fromMs, said.ts);
    opened.toMs = Math.max(opened.toMs, said.ts);
    if (said.kind === "track") {
      const lines = items ? JSON.parse(text.decode(items)).items.map((/** @type {any} */ shown) => shown.item) : body ? text.decode(body).split("\n").filter(Boolean) : [];
      opened.frames.push({ atMs: said.ts, writer: sides.writer, items: lines.map((/** @type {string} */ line) => JSON.parse(line)) });
      return;
    }
    const json = body && said.media?.includes("json") !== false ? JSON.parse(text.decode(body)) : null;
    opened.leaves.push({ ...sides, at_ms: said.ts, seq, kind: said.kind, precedence: said.prec, by: said.by, hash: await hashOf(leaf), re: said.re ?? [], body: json });
  } catch {
    opened.unread += 1; // said on the screen, beside what could be read
  }
}

/** Its name in other leaves: the leaf hash of RFC 6962, base64. @param {Uint8Array} leaf */
async function hashOf(leaf) {
  const whole = new Uint8Array(leaf.length + 1);
  whole.set(leaf, 1);
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", whole))));
}
