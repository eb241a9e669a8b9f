// The alert strip, never covered: the most urgent alert nobody here has acknowledged, and how many there are.

import { html } from "./html.js";
import { state } from "./store.js";
import { t } from "./i18n.js";
import { levelMark } from "./marks.js";
import { nodeNow } from "./clock.js";
import { isInverse } from "./flash.js";
import { clockZ, countdown } from "./format.js";
import { acknowledge } from "./orders.js";
import { mostUrgent, isOpen, who, what, measures, conditions, othersDid } from "./alert-words.js";

/** @typedef {import("./types.js").AlertRow} AlertRow */
/** @typedef {{showAlert: (row: AlertRow) => void, explain: (alert: string) => void}} Acts */

/** @param {Acts} acts */
export function strip(acts) {
  const rows = state.board?.alerts ?? [];
  const now = nodeNow();
  const row = mostUrgent(rows);
  if (state.link === "stopped") return html`<div class="strip level-alarm"><b>${t("link.stopped", { at: clockZ(state.stoppedAtMs) })}</b> <span>${t("link.stopped_what")}</span></div>`;
  if (!row) return html`<div class="strip quiet"><span>${rows.some((r) => r.state === "active") ? t("strip.all_acknowledged") : t("strip.none")}</span> <b>${t("top.not_a_clearance")}</b><span class="grow"></span>${counts(rows)}</div>`;
  const due = row.acknowledge_by_ms;
  return html`<div class=${`strip level-${row.level}`} data-alert=${row.alert} data-undisplayed>
    <span class=${isInverse(now) ? "sign inverse" : "sign"}>${levelMark(row.level)}<b>${t(`level.${row.level}`)}</b></span>
    ${row.event_at_ms !== null && html`<span class="big num">${countdown(row.event_at_ms, now)}</span>`}
    <b class="who">${who(row)}</b>
    <span class="what">${what(row, now)} ${measures(row)} ${conditions(row)}</span>
    ${due && html`<span class="due">${due > now ? t("strip.due", { left: countdown(due, now) }) : t("strip.overdue", { by: countdown(now, due) })}</span>`}
    ${othersDid(row).map((other) => html`<span key=${other.party} class="did"><bdi>${other.name}</bdi> ${other.text}</span>`)}
    <button key=${row.alert} type="button" id="strip-acknowledge" class="main" onClick=${() => acknowledge(row.alert)}>${t("act.acknowledge")}</button>
    <button type="button" onClick=${() => acts.showAlert(row)}>${t("act.show")}</button>
    <button type="button" onClick=${() => acts.explain(row.alert)}>${t("act.why")}</button>
    <span class="grow"></span>${counts(rows)}
  </div>`;
}

/** @param {AlertRow[]} rows */
function counts(rows) {
  const active = rows.filter((row) => row.state === "active");
  const of = (/** @type {string} */ level) => active.filter((row) => row.level === level).length;
  return html`<span class="counts">
    ${/** @type {const} */ (["alarm", "warning", "caution"]).map((level) => html`<span key=${level} aria-label=${t(`level.${level}`)} role="img">${levelMark(level)}</span><span class="num">${of(level)}</span>`)}
    <span>${t("strip.unacknowledged", { n: active.filter(isOpen).length })}</span></span>`;
}
