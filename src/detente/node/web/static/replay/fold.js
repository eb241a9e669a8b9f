// What a desk could have known at an instant, folded from leaves up to then: the rows of the board, with the times that
// leaves carry. When the other node held a leaf is no leaf: that time is not known here and shown as missing.

/** @typedef {Record<string, any>} Row */
/** @typedef {{at_ms: number, log: string, lane: string, seq: number, writer: string, reader: string, kind: string, precedence: string, by: string, hash: string, re: string[], body: Row | null}} Leaf */

const ROWS_MAX = 200;
const LANGUAGES = ["en", "tr", "ru"];
const NOBODY_KNOWN = "?";

/**
 * @param {Leaf[]} leaves in order of time
 * @param {number} atMs only what was written by then
 * @param {string} own our party
 * @param {Row[]} phrases of the codebook
 * @returns {{alerts: Row[], messages: Row[]}} newest first; at most 200 each
 */
export function foldedAt(leaves, atMs, own, phrases) {
  /** @type {Map<string, Row>} by name */ const alerts = new Map();
  /** @type {Map<string, Row>} by name */ const messages = new Map();
  /** @type {Map<string, Row>} whatever a leaf is about, by its hash */ const about = new Map();
  for (const leaf of leaves) {
    if (leaf.at_ms > atMs) break;
    const named = leaf.re.map((hash) => about.get(hash)).find((row) => row !== undefined);
    if (leaf.kind === "alert") about.set(leaf.hash, alert(alerts, leaf));
    else if (leaf.kind === "hotline") about.set(leaf.hash, message(messages, leaf, named, phrases));
    else if (named) heard(named, leaf);
  }
  const newest = (/** @type {Map<string, Row>} */ rows, /** @type {string} */ by) => [...rows.values()].sort((p, q) => q[by] - p[by]).slice(0, ROWS_MAX);
  const first = (/** @type {Row} */ row) => ({ ...row, halves: [...row.halves].sort((p, q) => Number(q.party === own) - Number(p.party === own)) });
  return { alerts: newest(alerts, "raised_at_ms").map(first), messages: newest(messages, "sent_at_ms").map(first) };
}

/** @param {string} party @param {number | null} sentAtMs @returns {Row} */
const half = (party, sentAtMs) => ({ party, sent_at_ms: sentAtMs, held_at_ms: null, displayed_at_ms: null, acknowledged_at_ms: null, acknowledged_by: null, rung: 0 });

/** @param {Row} row @param {string} party @param {number | null} sentAtMs */
function halfOf(row, party, sentAtMs = null) {
  const found = row.halves.find((/** @type {Row} */ one) => one.party === party);
  if (found) return found;
  const made = half(party, sentAtMs);
  row.halves.push(made);
  return made;
}

/** @param {Row | null | undefined} told @param {Leaf} leaf @returns {Row} */
const named = (told, leaf) => ({
  label: told?.callsign || told?.identity || NOBODY_KNOWN, identity: told?.identity ?? "", number: null,
  party: told?.is_yours ? leaf.reader : null,
});

/** @param {Map<string, Row>} alerts @param {Leaf} leaf */
function alert(alerts, leaf) {
  const told = leaf.body;
  const name = told?.alert ?? `${leaf.log}#${leaf.seq}`;
  const before = alerts.get(name);
  const row = before ?? {
    alert: name, raised_by: leaf.writer, raised_at_ms: leaf.at_ms, halves: [half(leaf.writer, leaf.at_ms)], verdicts: [], recorded: true, leaf: leaf.hash,
    rung: 0, rung_roles: [], next_rung_at_ms: null, acknowledge_by_ms: null, zone_name: null, unlogged: false, isGone: false,
    levels: [], margin_m: 0, margin_ft: 0, override: "", useful: null, // of our own judgement only, which is in no leaf
  };
  const over = told?.happening === "cleared";
  Object.assign(row, {
    kind: told?.kind ?? before?.kind ?? "incursion", level: told?.level ?? before?.level ?? "caution", state: over ? "cleared" : "active",
    a: told ? named(told.a, leaf) : (before?.a ?? named(null, leaf)), b: told?.kind === "conflict" ? named(told.b, leaf) : null,
    zone: told?.zone ?? null, updated_at_ms: leaf.at_ms, cleared_at_ms: over ? leaf.at_ms : null,
    event_at_ms: told?.event_at_ms ?? (typeof told?.within_s === "number" ? told.at_ms + told.within_s * 1000 : null),
    distance_m: told?.distance_m ?? null, vertical_ft: told?.vertical_ft ?? null,
    latitude_e7: told?.latitude_e7 ?? before?.latitude_e7 ?? 0, longitude_e7: told?.longitude_e7 ?? before?.longitude_e7 ?? 0,
    mark: told?.is_synthetic ? "SYNTHETIC" : "", isGone: told === null,
  });
  halfOf(row, leaf.reader, leaf.at_ms);
  alerts.set(name, row);
  return row;
}

/** @param {Map<string, Row>} messages @param {Leaf} leaf @param {Row | undefined} answered @param {Row[]} phrases */
function message(messages, leaf, answered, phrases) {
  const said = leaf.body;
  const phrase = said?.code ? phrases.find((one) => one.code === said.code) : undefined;
  const filled = (/** @type {string} */ text) => text.replace(/\{(\w+)\}/g, (whole, name) => said?.params?.[name] ?? whole);
  const rendered = phrase ? Object.fromEntries(LANGUAGES.map((lang) => [lang, filled(phrase[lang])])) : {};
  const lang = said?.lang ?? "en";
  const name = `${leaf.writer}-${leaf.lane}-${leaf.seq}`;
  const row = {
    message: name, line: said?.line ?? "watch", sender: leaf.writer, to: leaf.reader, by: leaf.by, precedence: leaf.precedence, reason: said?.reason ?? null,
    code: said?.code ?? null, params: said?.params ?? {}, text: said?.code ? (rendered[lang] ?? said.code) : (said?.text ?? ""), lang, rendered, known_code: !said?.code || phrase !== undefined,
    expects: [], answers: answered?.message ?? null, answered_by: null, sent_at_ms: leaf.at_ms, halves: [half(leaf.writer, leaf.at_ms), half(leaf.reader, leaf.at_ms)],
    recorded: true, preview: false, acknowledge_by_ms: null, rung: 0, next_rung_at_ms: null, outcome: "", unlogged: false, isGone: said === null,
  };
  if (answered?.message) Object.assign(answered, { answered_by: name, outcome: "answered" });
  messages.set(name, row);
  return row;
}

/** Displayed, acknowledged, climbed, stood down: each by the party that wrote it. @param {Row} row @param {Leaf} leaf */
function heard(row, leaf) {
  const own = halfOf(row, leaf.writer);
  const at = leaf.body?.at_ms ?? leaf.at_ms;
  if (leaf.kind === "displayed") own.displayed_at_ms ??= at;
  else if (leaf.kind === "ack") Object.assign(own, { acknowledged_at_ms: own.acknowledged_at_ms ?? at, acknowledged_by: own.acknowledged_by ?? leaf.by });
  else if (leaf.kind === "escalation") {
    own.rung = Math.max(own.rung, leaf.body?.rung ?? 0);
    row.rung = Math.max(row.rung, own.rung);
    if (leaf.body?.not_answered) row.outcome = "not_answered";
  }
}

/** Give the aircraft of *rows* their numbers in a frame, by callsign or identity. @param {Row[]} rows @param {(name: string) => number | null} numberOf */
export const placed = (rows, numberOf) =>
  rows.map((row) => ({ ...row, a: { ...row.a, number: numberOf(row.a.label) }, b: row.b && { ...row.b, number: numberOf(row.b.label) } }));
