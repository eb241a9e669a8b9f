// The alert queue: the most urgent first, each with the four times of both sides and the peers' verdicts beside ours,
// and below it the predicted events as a table.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clock, clockZ, countdown, count } from "../format.js";
import { levelMark, partyMark, tick } from "../marks.js";
import { acknowledge, give } from "../orders.js";
import { code, head, party, partyIndex, partyName } from "../words.js";
import { rate } from "../explain/why.js";
import { byUrgency, isOpen, nameOf, ownHalf, who, what, measures, conditions, verdict, verdictSign } from "../alert-words.js";

/** @typedef {import("../types.js").AlertRow} Row */
/** @typedef {{showAlert: (row: Row) => void, explain: (alert: string) => void, export: (alert: string) => void}} Acts */

const TIMES = /** @type {const} */ (["sent_at_ms", "held_at_ms", "displayed_at_ms", "acknowledged_at_ms"]);

/** @type {string[]} */
let order = [];

/** New rows never move the row that has the focus: while one has, the order stands and news goes below. @param {Row[]} rows */
function steady(rows) {
  const focused = document.activeElement?.closest("#alerts [data-alert]");
  if (!focused) order = byUrgency(rows).map((row) => row.alert);
  else order = [...order, ...byUrgency(rows).map((row) => row.alert).filter((name) => !order.includes(name))];
  const byName = new Map(rows.map((row) => [row.alert, row]));
  return order.map((name) => byName.get(name)).filter((row) => row !== undefined);
}

/** @param {Acts} acts */
export function alerts(acts) {
  const board = state.board;
  const rows = steady(board?.alerts ?? []);
  const total = board?.alerts_total ?? 0;
  return html`
    <section id="alerts" class="panel grows" aria-label=${t("alerts.title")} tabindex="-1">
      ${head(t("alerts.title"), "1", html`<b class="num">${rows.length < total ? t("count.of", { n: rows.length, total: count(total) }) : total}</b>`)}
      <ol class="rows scrolls" tabindex="0" aria-label=${t("alerts.title")}>${rows.length ? rows.map((row) => alert(row, acts)) : html`<li class="empty">${t("strip.none")} ${t("top.not_a_clearance")}.</li>`}</ol>
    </section>
    <section id="conflicts" class="panel" aria-label=${t("conflicts.title")} tabindex="-1">
      ${head(t("conflicts.title"), "2", html`<b class="num">${(board?.alerts ?? []).filter((r) => r.state === "active").length}</b>`)}
      <div class="scrolls" tabindex="0" role="group" aria-label=${t("conflicts.title")}>${table(board?.alerts ?? [], acts)}</div>
      ${rate()}
    </section>`;
}

/** @param {Row} row @param {Acts} acts */
function alert(row, acts) {
  const now = nodeNow();
  const own = ownHalf(row);
  const cleared = row.state === "cleared";
  return html`<li key=${row.alert} class=${`alert edge-${row.level} ${cleared ? "cleared" : ""} ${isOpen(row) ? "open" : ""}`}
      data-alert=${row.alert} data-undisplayed=${own && !own.displayed_at_ms ? "" : undefined} aria-current=${state.focusAlert === row.alert ? "true" : undefined}>
    <div class="first">${levelMark(row.level)} <span class="unseen">${t(`level.${row.level}`)}</span> <b class="who">${who(row)}</b><span class="grow"></span>
      <b class=${`num time text-${row.level}`}>${cleared ? t("alert.cleared") : row.event_at_ms === null ? "" : countdown(row.event_at_ms, now)}</b></div>
    <div class="muted">${what(row, now)}${measures(row) && html` <span class="figures">${measures(row)}</span>`}</div>
    ${conditions(row) && html`<div>${conditions(row)}</div>`}
    ${row.verdicts.length > 0 && html`<div class="verdicts">${row.verdicts.map((v) => html`<span key=${v.party}>${party(v.party)} ${verdict(v)}</span>`)}</div>`}
    ${cleared ? html`<details><summary>${t("alert.times")}</summary>${times(row)}</details>` : times(row)}
    ${!cleared && ladder(row, now)}
    <div class="acts">
      ${isOpen(row) && html`<button type="button" class="main" data-acknowledge=${row.alert} onClick=${() => acknowledge(row.alert)}>${t("act.acknowledge")}</button>`}
      ${own?.acknowledged_at_ms && html`<span class="done">${tick()} ${word("role", own.acknowledged_by ?? "")} <span class="num">${clockZ(own.acknowledged_at_ms)}</span></span>`}
      <button type="button" onClick=${() => acts.showAlert(row)}>${t("act.show")}</button>
      <button type="button" data-why=${row.alert} onClick=${() => acts.explain(row.alert)}>${t("act.why")}</button>
      ${own?.acknowledged_at_ms && html`<button type="button" data-export=${row.alert} onClick=${() => acts.export(row.alert)}>${t("act.export")}</button>`}
      ${!cleared && own?.acknowledged_at_ms && standDown(row)}
      ${row.mark && html`<span class="badge marked">${word("badge", row.mark)}</span>`}
    </div>
  </li>`;
}

/** @param {Row} row */
function standDown(row) {
  const reasons = /** @type {const} */ (["acting", "false_alert", "resolved", "exercise", "other_line"]);
  const choose = (/** @type {any} */ e) => {
    if (e.target.value) give({ order: "stand_down", subject: row.alert, reason: e.target.value });
    e.target.value = "";
  };
  return html`<select aria-label=${t("act.stand_down")} onChange=${choose}><option value="">${t("act.stand_down")}</option>
    ${reasons.map((r) => html`<option key=${r} value=${r}>${t(`reason.${r}`)}</option>`)}</select>`;
}

/** Sent, held, displayed, acknowledged: each side for itself. @param {Row} row */
function times(row) {
  return html`<table class="times"><thead><tr><td></td><th scope="col">${t("time.sent")}</th><th scope="col">${t("time.held")}</th><th scope="col">${t("time.displayed")}</th><th scope="col">${t("time.acknowledged")}</th></tr></thead>
    <tbody>${row.halves.map((half) => html`<tr key=${half.party}><th scope="row">${party(half.party)}</th>
      ${TIMES.map((field) => html`<td key=${field} class=${half[field] ? "num" : "num missing"}>${half[field] ? clock(half[field]) : "-"}</td>`)}</tr>`)}</tbody></table>
    ${!row.recorded && html`<div class="text-warning">${t("record.not_yet")}</div>`}`;
}

/** @param {Row} row @param {number} now */
function ladder(row, now) {
  if (!row.rung && !row.next_rung_at_ms) return "";
  const apart = row.halves.filter((half) => half.rung !== row.rung);
  return html`<div class="ladder"><span class="steps" aria-hidden="true">${[0, 1, 2, 3, 4, 5].map((n) => html`<i key=${n} class=${n <= row.rung ? "on" : ""}></i>`)}</span>
    <span>${t("ladder.rung", { n: row.rung })}: ${row.rung_roles.map((r) => word("role", r)).join(", ")}</span>
    ${row.next_rung_at_ms !== null && html`<span class=${row.next_rung_at_ms - now < 15_000 ? "figures text-alarm" : "figures"}>${t("ladder.next", { left: countdown(Math.max(row.next_rung_at_ms, now), now) })}</span>`}
    ${row.rung > 0 && apart.map((half) => html`<span key=${half.party} class="muted">${party(half.party)} ${t("ladder.side", { n: half.rung })}</span>`)}</div>`;
}

/** @param {Row[]} rows @param {Acts} acts */
function table(rows, acts) {
  const now = nodeNow();
  const active = byUrgency(rows.filter((row) => row.state === "active"));
  return html`<table class="grid"><thead><tr><th scope="col">${t("conflicts.pair")}</th><th scope="col">${t("conflicts.time")}</th><th scope="col">NM</th><th scope="col">ft</th><th scope="col">${t("conflicts.peer")}</th></tr></thead>
    <tbody>${active.slice(0, 200).map((row) => html`<tr key=${row.alert} data-alert=${row.alert}><th scope="row"><button type="button" class="plain" onClick=${() => acts.explain(row.alert)}>${levelMark(row.level)} ${code(nameOf(row.a))} ${row.b ? code(nameOf(row.b)) : html`<bdi>${row.zone_name ?? row.zone}</bdi>`}</button></th>
      <td class="num">${row.event_at_ms === null ? "-" : countdown(row.event_at_ms, now)}</td>
      <td class="num">${row.distance_m === null || row.kind === "incursion" ? "-" : (row.distance_m / 1852).toFixed(1)}</td>
      <td class="num">${row.kind === "conflict" && row.vertical_ft !== null ? row.vertical_ft : "-"}</td>
      <td>${row.verdicts.length ? row.verdicts.map((v) => html`<div key=${v.party}>${partyMark(partyIndex(v.party))} <span class="unseen">${partyName(v.party)} ${verdict(v)}</span><span class="figures" aria-hidden="true">${verdictSign(v)}</span></div>`) : "-"}</td></tr>`)}</tbody></table>`;
}
