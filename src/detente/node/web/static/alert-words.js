// How an alert is said: the same words in the strip, in the queue and to a screen reader.

import { html } from "./html.js";
import { state } from "./store.js";
import { t } from "./i18n.js";
import { arrow } from "./marks.js";
import { code, others, partyName } from "./words.js";
import { miles, span, clockZ } from "./format.js";

/** @typedef {import("./types.js").AlertRow} Row */
/** @typedef {import("./types.js").Half} Half */
/** @typedef {import("./types.js").PeerVerdict} PeerVerdict */
/** @typedef {import("./types.js").TrackRef} TrackRef */

const RANK = /** @type {Record<string, number>} */ ({ alarm: 0, warning: 1, caution: 2 });

/** @param {Row} row */
export const ownHalf = (row) => row.halves.find((half) => half.party === state.board?.party);
/** @param {Row} row */
export const isOpen = (row) => row.state === "active" && !ownHalf(row)?.acknowledged_at_ms;

const isOver = (/** @type {Row} */ row) => Number(row.state === "cleared");

/** Unacknowledged first, then what still holds, by level and time to event; what is over comes last, the newest first. @param {Row[]} rows */
export const byUrgency = (rows) =>
  [...rows].sort((p, q) =>
    Number(isOpen(q)) - Number(isOpen(p)) || isOver(p) - isOver(q) ||
    (isOver(p) ? (q.cleared_at_ms ?? 0) - (p.cleared_at_ms ?? 0) : RANK[p.level] - RANK[q.level] || (p.event_at_ms ?? Infinity) - (q.event_at_ms ?? Infinity)));

/** @param {Row[]} rows */
export const mostUrgent = (rows) => byUrgency(rows.filter(isOpen))[0];

const HIDDEN = ["?", "not released to us"];

/** A track's name: callsign, else identity without its scheme, else that it is not released to us. @param {TrackRef | null} ref */
export const nameOf = (ref) => (ref && !HIDDEN.includes(ref.label) ? ref.label.replace(/^\w+:/, "") : t("track.not_released"));

/** A zone's name, with whose line it is where two parties assert different lines of one name. @param {Row} row */
function areaName(row) {
  const own = state.zones.find((zone) => zone.zone === row.zone);
  const isDisputed = own && state.zones.some((zone) => zone.name === own.name && zone.asserted_by !== own.asserted_by);
  return isDisputed ? `${own.name} (${partyName(own.asserted_by)})` : (row.zone_name ?? row.zone ?? "");
}

/** Who it is about. @param {Row} row */
export function who(row) {
  if (row.zone) return html`${code(nameOf(row.a))} ${arrow()} ${others(areaName(row))}`;
  return html`${code(nameOf(row.a))} × ${code(nameOf(row.b))}`;
}

/** The same as plain text. @param {Row} row */
export const whoText = (row) => `${nameOf(row.a)} ${row.zone ? areaName(row) : `× ${nameOf(row.b)}`}`;

/** @param {Row} row @param {number} now */
export function what(row, now) {
  if (row.kind === "conflict") return row.event_at_ms !== null && row.event_at_ms <= now ? t("alert.conflict_now") : t("alert.conflict");
  if (row.kind === "incursion") return row.event_at_ms !== null && row.event_at_ms <= now ? t("alert.incursion_now") : t("alert.incursion");
  if (row.kind === "conformance") return row.event_at_ms !== null && row.event_at_ms <= now ? t("alert.conformance_now") : t("alert.conformance");
  return t("alert.approach");
}

/** Distances, or nothing where there are none. @param {Row} row */
export function measures(row) {
  const parts = [];
  if (row.distance_m !== null && row.kind !== "incursion") parts.push(miles(row.distance_m));
  if (row.vertical_ft !== null && row.kind === "conflict") parts.push(`${row.vertical_ft} ft`);
  return parts.join(" / ");
}

/** What it depends on: that somebody does not level off, or is off by what the track's accuracy allows. @param {Row} row */
export function conditions(row) {
  const said = row.levels.map(([label, ft]) =>
    t("alert.if_not_level", { who: label.replace(/^\w+:/, ""), level: `FL${String(Math.round(ft / 100)).padStart(3, "0")}` }));
  if (row.margin_m || row.margin_ft) {
    const margin = [row.margin_m ? miles(row.margin_m) : "", row.margin_ft ? `${Math.round(row.margin_ft)} ft` : ""];
    said.push(t("alert.margin", { margin: margin.filter(Boolean).join(" / ") }));
  }
  return said.join("; ");
}

/** What a peer's node says of the same event. @param {PeerVerdict} verdict */
export function verdict(verdict) {
  if (verdict.says === "differs" && verdict.time_to_event_s !== null) return t("verdict.differs_at", { at: span(verdict.time_to_event_s) });
  return t(`verdict.${verdict.says}`);
}

/** The same for a narrow column: `=`, `≠ 7:40`, or in words. @param {PeerVerdict} row */
export function verdictSign(row) {
  if (row.says === "same") return "=";
  if (row.says === "differs") return row.time_to_event_s === null ? "≠" : `≠ ${span(row.time_to_event_s)}`;
  return verdict(row);
}

/** What the other sides did, in one phrase each. @param {Row} row */
export function othersDid(row) {
  return row.halves
    .filter((half) => half.party !== state.board?.party)
    .map((half) => ({ party: half.party, name: partyName(half.party), text: didText(half) }));
}

/** @param {Half} half */
function didText(half) {
  if (half.acknowledged_at_ms) return t("half.acknowledged", { at: clockZ(half.acknowledged_at_ms) });
  if (half.displayed_at_ms) return t("half.displayed", { at: clockZ(half.displayed_at_ms) });
  if (half.held_at_ms) return t("half.held", { at: clockZ(half.held_at_ms) });
  if (half.sent_at_ms) return t("half.sent", { at: clockZ(half.sent_at_ms) });
  return t("half.not_sent");
}
