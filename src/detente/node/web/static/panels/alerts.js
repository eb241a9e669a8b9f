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
import { isInSight, Kept, tick as tickAll, TURNS } from "../kept.js";

/** @typedef {import("../types.js").AlertRow} Row */
/** @typedef {{showAlert: (row: Row) => void, explain: (alert: string) => void, export: (alert: string) => void}} Acts */

const TIMES = /** @type {const} */ (["sent_at_ms", "held_at_ms", "displayed_at_ms", "acknowledged_at_ms"]);

const URGENT_MS = 15_000;

/** @type {{of: Row[] | undefined, byName: Map<string, Row>, urgent: Row[]}} the board's alerts, sorted once */
let sorted = { of: undefined, byName: new Map(), urgent: [] };
/** which part of the rows out of sight is compared with this board */
let turn = 0;

/** @param {Row[]} rows */
function sortedOf(rows) {
  if (rows === sorted.of) return sorted;
  turn = (turn + 1) % TURNS;
  sorted = { of: rows, byName: new Map(rows.map((row) => [row.alert, row])), urgent: byUrgency(rows) };
  return sorted;
}

/** @type {string[]} */
let order = [];

/** New rows never move what can be pressed and has the focus: while it has, the order stands and news goes below. @param {Row[]} rows */
function steady(rows) {
  const { urgent, byName } = sortedOf(rows);
  const at = /** @type {HTMLElement | null} */ (document.activeElement);
  const asked = at?.dataset.acknowledge;
  const goes = asked !== undefined && !rows.some((row) => row.alert === asked && isOpen(row)); // and leaves the focus to its row
  const focused = !goes && at?.matches("#alerts [data-alert] *");
  const names = urgent.map((row) => row.alert);
  if (!focused) order = names;
  else {
    const there = new Set(order);
    order = [...order.filter((name) => byName.has(name)), ...names.filter((name) => !there.has(name))];
  }
  return order.map((name) => byName.get(name)).filter((row) => row !== undefined);
}

const queue = new Kept();
const predicted = new Kept();

/** @param {Acts} acts */
export function alerts(acts) {
  const board = state.board;
  const rows = steady(board?.alerts ?? []);
  const total = board?.alerts_total ?? 0;
  const around = [state.lang, t("alerts.title"), state.zones, board?.party, JSON.stringify(board?.parties), acts];
  const now = nodeNow();
  queue.within(around);
  predicted.within(around);
  if (queue.of.size > rows.length) {
    const there = rows.map((row) => row.alert);
    queue.keep(there);
    for (const name of shown.keys()) if (!queue.of.has(name)) shown.delete(name);
  }
  return html`
    <section id="alerts" class="panel grows" aria-label=${t("alerts.title")} tabindex="-1">
      ${head(t("alerts.title"), "1", html`<b class="num">${rows.length < total ? t("count.of", { n: rows.length, total: count(total) }) : total}</b>`)}
      <ol class="rows scrolls" tabindex="0" aria-label=${t("alerts.title")}>${rows.length ? rows.map((row, k) => queue.view(row.alert, versionOf(row, k) * 8 + phase(row, now), () => alert(row, acts))) : html`<li class="empty">${t("strip.none")} ${t("top.not_a_clearance")}.</li>`}</ol>
    </section>
    <section id="conflicts" class="panel" aria-label=${t("conflicts.title")} tabindex="-1">
      ${head(t("conflicts.title"), "2", html`<b class="num">${rows.filter((r) => r.state === "active").length}</b>`)}
      <div class="scrolls" tabindex="0" role="group" aria-label=${t("conflicts.title")}>${table(board?.alerts ?? [], acts)}</div>
      ${rate()}
    </section>`;
}

/** @type {Map<string, {row: Row, version: number}>} by alert: the row that its view was made of, and a number for that */
const shown = new Map();
let versions = 0;

/** Reckoned anew each second: these are written into their places, or said in words below. */
const TICKING = new Set(["event_at_ms", "updated_at_ms", "distance_m", "vertical_ft", "latitude_e7", "longitude_e7", "margin_m", "margin_ft", "verdicts"]);

/** A number for what a row shows but for what ticks in it: as long as this stands, the row does. @param {Row} row @param {number} k its place */
function versionOf(row, k) {
  const before = shown.get(row.alert);
  if (before?.row === row) return before.version;
  if (before && !isInSight(row.alert) && k % TURNS !== turn && isAlike(before.row, row)) return before.version;
  const version = before && isSame(before.row, row) ? before.version : (versions += 1);
  shown.set(row.alert, { row, version });
  return version;
}

/** Whether nobody who looks for a row out of sight would miss the newer: what it asks for and how urgent it is. @param {Row} p @param {Row} q */
function isAlike(p, q) {
  const [before, now] = [ownHalf(p), ownHalf(q)];
  return p.state === q.state && p.level === q.level && p.recorded === q.recorded && p.mark === q.mark &&
    before?.acknowledged_at_ms === now?.acknowledged_at_ms && before?.displayed_at_ms === now?.displayed_at_ms;
}

/** @type {(keyof Row)[]} what of a row does not tick: every row has all its fields */
let fields = [];

/** @param {Row} p @param {Row} q */
function isSame(p, q) {
  if (!fields.length) fields = /** @type {(keyof Row)[]} */ (Object.keys(p)).filter((name) => !TICKING.has(name));
  for (const name of fields) if (!isEqual(p[name], q[name])) return false;
  return isEqual(untimed(p), untimed(q)) && (p.event_at_ms === null) === (q.event_at_ms === null) && (measures(p) === "") === (measures(q) === "") &&
    (p.margin_m === q.margin_m && p.margin_ft === q.margin_ft || conditions(p) === conditions(q));
}

/** Whether two values out of JSON, with the same names in them, say the same. @param {any} p @param {any} q @returns {boolean} */
function isEqual(p, q) {
  if (p === q) return true;
  if (typeof p !== "object" || typeof q !== "object" || !p || !q || p.length !== q.length) return false;
  for (const name in p) if (!isEqual(p[name], q[name])) return false;
  return true;
}

/** What the peers say, without when: that is reckoned anew each second too. @param {Row} row */
const untimed = (row) => row.verdicts.map((v) => [v.party, v.says, v.time_to_event_s === null]);

/** What a peer says; its time, where it gives another, ticks. @param {import("../types.js").PeerVerdict} v @param {"verdict" | "sign"} how */
function told(v, how) {
  if (v.time_to_event_s === null) return how === "sign" ? verdictSign(v) : verdict(v);
  return html`<span data-ticks=${`${how} ${v.party}`}></span>`;
}

/** What of a row turns with no board: its words once the event is there, the colour of the next rung, whether it is chosen; 0 to 7. @param {Row} row @param {number} now */
const phase = (row, now) => Number(row.event_at_ms !== null && row.event_at_ms <= now) + 2 * Number(isNear(row, now)) + 4 * Number(state.focusAlert === row.alert);

/** @param {Row} row @param {number} now */
const isNear = (row, now) => row.next_rung_at_ms !== null && row.next_rung_at_ms - now < URGENT_MS;

/** Text that changes by itself. @param {string} ticks @param {Row} row @param {number} now */
function said(ticks, row, now) {
  const [what, whose] = ticks.split(" ");
  if (whose) {
    const theirs = row.verdicts.find((v) => v.party === whose);
    return !theirs ? "" : what === "sign" ? verdictSign(theirs) : verdict(theirs);
  }
  switch (ticks) {
    case "event": return row.event_at_ms === null ? "-" : countdown(row.event_at_ms, now);
    case "left": return row.event_at_ms === null ? "" : countdown(row.event_at_ms, now);
    case "rung": return row.next_rung_at_ms === null ? "" : t("ladder.next", { left: countdown(Math.max(row.next_rung_at_ms, now), now) });
    case "distance": return row.distance_m === null || row.kind === "incursion" ? "-" : (row.distance_m / 1852).toFixed(1);
    case "vertical": return row.kind === "conflict" && row.vertical_ft !== null ? String(row.vertical_ft) : "-";
    default: return measures(row);
  }
}

/** Let countdowns and distances go on, in the queue and in the table below it. @param {Element} place where both are */
export function tickAlerts(place) {
  const { byName } = sortedOf(state.board?.alerts ?? []);
  const now = nodeNow();
  tickAll(place, (ticks, name) => {
    const row = byName.get(name);
    return row ? said(ticks, row, now) : "";
  });
}

/** @param {Row} row @param {Acts} acts */
function alert(row, acts) {
  const now = nodeNow();
  const own = ownHalf(row);
  const cleared = row.state === "cleared";
  const newest = () => sorted.byName.get(row.alert) ?? row; // the row may stand while its place on the map goes on
  return html`<li key=${row.alert} class=${`alert edge-${row.level} ${cleared ? "cleared" : ""} ${isOpen(row) ? "open" : ""}`}
      data-alert=${row.alert} data-undisplayed=${own && !own.displayed_at_ms ? "" : undefined} aria-current=${state.focusAlert === row.alert ? "true" : undefined}>
    <div class="first">${levelMark(row.level)} <span class="unseen">${t(`level.${row.level}`)}</span> <b class="who">${who(row)}</b><span class="grow"></span>
      ${cleared ? html`<b class=${`num time text-${row.level}`}>${t("alert.cleared")}</b>` : html`<b key="left" class=${`num time text-${row.level}`} data-ticks="left"></b>`}</div>
    <div class="muted">${what(row, now)}${measures(row) && html` <span class="figures" data-ticks="measures"></span>`}</div>
    ${conditions(row) && html`<div>${conditions(row)}</div>`}
    ${row.verdicts.length > 0 && html`<div class="verdicts">${row.verdicts.map((v) => html`<span key=${v.party}>${party(v.party)} ${told(v, "verdict")}</span>`)}</div>`}
    ${cleared ? html`<details><summary>${t("alert.times")}</summary>${times(row)}</details>` : times(row)}
    ${!cleared && ladder(row, now)}
    <div class="acts">
      ${isOpen(row) && html`<button type="button" class="main" data-acknowledge=${row.alert} onClick=${() => acknowledge(row.alert)}>${t("act.acknowledge")}</button>`}
      ${own?.acknowledged_at_ms && html`<span class="done">${tick()} ${word("role", own.acknowledged_by ?? "")} <span class="num">${clockZ(own.acknowledged_at_ms)}</span></span>`}
      <button type="button" onClick=${() => acts.showAlert(newest())}>${t("act.show")}</button>
      <button type="button" data-why=${row.alert} onClick=${() => acts.explain(row.alert)}>${t("act.why")}</button>
      ${own?.acknowledged_at_ms && html`<button type="button" data-export=${row.alert} onClick=${() => acts.export(row.alert)}>${t("act.export")}</button>`}
      ${!cleared && own?.acknowledged_at_ms && standDown(row)}
      ${row.mark && html`<span class="badge marked">${word("badge", row.mark)}</span>`}
    </div>
  </li>`;
}

/** A reason that the arrow keys pass over is not one that was given: the button gives it. @param {Row} row */
function standDown(row) {
  const reasons = /** @type {const} */ (["acting", "false_alert", "resolved", "exercise", "other_line"]);
  const stand = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = e.target;
    if (await give({ order: "stand_down", subject: row.alert, reason: form.elements.reason.value })) form.reset();
  };
  return html`<form class="stand-down" onSubmit=${stand}><select name="reason" required aria-label=${t("act.why_stand_down")}><option value="">${t("act.why_stand_down")}</option>
    ${reasons.map((r) => html`<option key=${r} value=${r}>${t(`reason.${r}`)}</option>`)}</select><button data-stand-down=${row.alert}>${t("act.stand_down")}</button></form>`;
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
    ${row.next_rung_at_ms !== null && html`<span class=${isNear(row, now) ? "figures text-alarm" : "figures"} data-ticks="rung"></span>`}
    ${row.rung > 0 && apart.map((half) => html`<span key=${half.party} class="muted">${party(half.party)} ${t("ladder.side", { n: half.rung })}</span>`)}</div>`;
}

/** @param {Row[]} rows @param {Acts} acts */
function table(rows, acts) {
  const active = sortedOf(rows).urgent.filter((row) => row.state === "active").slice(0, 200);
  if (predicted.of.size > active.length) predicted.keep(active.map((row) => row.alert));
  // Its rows are laid out one by one, so that those out of sight cost nothing; what they are has to be said then.
  const title = (/** @type {string} */ text) => html`<th role="columnheader" scope="col">${text}</th>`;
  return html`<table class="grid" role="table"><thead role="rowgroup"><tr role="row">${[t("conflicts.pair"), t("conflicts.time"), "NM", "ft", t("conflicts.peer")].map(title)}</tr></thead>
    <tbody role="rowgroup">${active.map((row) => predicted.view(row.alert, shown.get(row.alert)?.version ?? 0, () => event(row, acts)))}</tbody></table>`;
}

/** @param {Row} row @param {Acts} acts */
const event = (row, acts) => html`<tr role="row" key=${row.alert} data-alert=${row.alert}><th role="rowheader" scope="row"><button type="button" class="plain" onClick=${() => acts.explain(row.alert)}>${levelMark(row.level)} ${code(nameOf(row.a))} ${row.b ? code(nameOf(row.b)) : html`<bdi>${row.zone_name ?? row.zone}</bdi>`}</button></th>
  <td role="cell" class="num" data-ticks="event"></td><td role="cell" class="num" data-ticks="distance"></td><td role="cell" class="num" data-ticks="vertical"></td>
  <td role="cell">${row.verdicts.length ? row.verdicts.map((v) => html`<div key=${v.party}>${partyMark(partyIndex(v.party))} <span class="unseen">${partyName(v.party)} ${told(v, "verdict")}</span><span class="figures" aria-hidden="true">${told(v, "sign")}</span></div>`) : "-"}</td></tr>`;
