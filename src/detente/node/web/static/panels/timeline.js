// The last quarter of an hour and the next five minutes: each alert as a bar from raised to cleared with its predicted
// event ahead, each message where it was sent, and the line of now.

import { html } from "../html.js";
import { state } from "../store.js";
import { t } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clock } from "../format.js";
import { partyIndex } from "../words.js";
import { whoText } from "../alert-words.js";

/** @typedef {import("../types.js").AlertRow} Row */

const [BEFORE_MS, AFTER_MS, TICK_MS] = [15 * 60_000, 5 * 60_000, 5 * 60_000];
const LANES = 3; // alerts that overlap stand on lanes of their own, the last lane takes the rest
const [LANE_PX, FIRST_PX, SAID_PX] = [7, 20, 46];

/** Where a bar may begin without touching another: the first free lane. @param {Row[]} rows @param {number} now */
export function laned(rows, now) {
  const free = Array(LANES).fill(-Infinity);
  return [...rows].sort((p, q) => p.raised_at_ms - q.raised_at_ms).map((row) => {
    const found = free.findIndex((until) => until <= row.raised_at_ms);
    const lane = found < 0 ? LANES - 1 : found;
    free[lane] = Math.max(free[lane], row.cleared_at_ms ?? Math.max(now, row.event_at_ms ?? now));
    return { row, lane };
  });
}

/** @param {{showAlert: (row: Row) => void}} acts */
export function timeline(acts) {
  const now = nodeNow();
  if (!state.board || !Number.isFinite(now)) return "";
  const [from, to] = [now - BEFORE_MS, now + AFTER_MS];
  const share = (/** @type {number} */ ms) => ((ms - from) / (to - from)) * 100;
  const x = (/** @type {number} */ ms) => `${Math.max(0, Math.min(100, share(ms))).toFixed(2)}%`;
  const alerts = laned(state.board.alerts.filter((/** @type {Row} */ row) => (row.cleared_at_ms ?? now) > from), now);
  const said = state.board.messages.filter((row) => row.sent_at_ms > from);
  const ticks = [];
  for (let at = Math.ceil(from / TICK_MS) * TICK_MS; at < to; at += TICK_MS) ticks.push(at);
  return html`<svg class="timeline" role="img" aria-label=${t("timeline.name", { alerts: alerts.length, messages: said.length })} width="100%" height="60">
    ${ticks.map((at) => html`<g key=${`t${at}`}><line class="tick" x1=${x(at)} x2=${x(at)} y1="14" y2="60" /><text x=${x(at)} y="11" dx="3">${clock(at).slice(0, 5)}Z</text></g>`)}
    ${alerts.map(({ row, lane }) => {
      const [y, end] = [FIRST_PX + lane * LANE_PX, row.cleared_at_ms ?? now];
      const width = Math.max(0.25, share(end) - Math.max(0, share(row.raised_at_ms)));
      return html`<g key=${row.alert} class=${`t-${row.level}`} onClick=${() => acts.showAlert(row)}><title>${whoText(row)}</title>
        <rect class=${row.state} x=${x(row.raised_at_ms)} width=${`${width.toFixed(2)}%`} y=${y} height="5" />
        ${row.state === "active" && row.event_at_ms !== null && row.event_at_ms > now && row.event_at_ms < to && html`<line class="ahead" x1=${x(now)} x2=${x(row.event_at_ms)} y1=${y + 2.5} y2=${y + 2.5} /><circle cx=${x(row.event_at_ms)} cy=${y + 2.5} r="3" />`}</g>`;
    })}
    ${said.map((row) => html`<g key=${row.message} class=${`p-${partyOf(row)}`}><title>${clock(row.sent_at_ms)}Z ${row.code ?? ""}</title>
      <svg x=${x(row.sent_at_ms)} y=${SAID_PX} width="13" height="10" overflow="visible"><path d="M-6 0h12v9h-12zM-6 0l6 5 6-5" /></svg></g>`)}
    <line class="now" x1=${x(now)} x2=${x(now)} y1="0" y2="60" /><text class="now" x=${x(now)} y="58" dx="4">${state.replay ? clock(now) : t("timeline.now")}</text>
  </svg>`;
}

/** @param {import("../types.js").MessageRow} row */
const partyOf = (row) => {
  const index = partyIndex(row.sender);
  return index <= 0 ? 0 : ((index - 1) % 2) + 1;
};
