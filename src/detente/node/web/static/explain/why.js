// Why an alert was raised: what the detector read, the minima it held that against, what it predicted, and what the other
// side's node said. Beside it the question whether it was of use: counted here, told to nobody else.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clockZ, count, miles, position, span } from "../format.js";
import { notice, tellBad, tellNoMore } from "../notice.js";
import { ask, give } from "../orders.js";
import { code, others, party } from "../words.js";
import { what, who } from "../alert-words.js";
import { plan, profile } from "./plan.js";

/** @typedef {import("../types.js").AlertRow} AlertRow */
/** @typedef {import("../types.js").Explanation} Explanation */
/** @typedef {import("../types.js").Judged} Judged */

const AGAIN_MS = 2000;

/** @type {HTMLDialogElement | null} */
let dialog = null;
let askedAtMs = -Infinity;
let unanswered = 0;
/** Which question is the newest: an answer to an older one opens nothing, nor does one that comes after the dialog was closed. */
let question = 0;

const open = (/** @type {HTMLDialogElement | null} */ element) => {
  dialog = element;
  if (dialog && !dialog.open) dialog.showModal();
};

/** Ask why *alert* stands, and open the answer. @param {string} alert */
export async function explain(alert) {
  askedAtMs = performance.now();
  const mine = ++question;
  unanswered += 1;
  try {
    const found = /** @type {Explanation} */ (await ask(`/api/alerts/${encodeURIComponent(alert)}/why`));
    if (mine !== question) return;
    tellNoMore("why");
    update({ why: { alert, found, of: state.why?.alert === alert ? state.why.of : found.raised ? "raised" : "now" } });
  } catch (fault) {
    if (mine === question) tellBad(/** @type {Error} */ (fault).message, "why");
  } finally {
    unanswered -= 1;
  }
}

/** The newest judgement goes on while the dialog is open; questions that hang do not take every line to the node. */
export function keepWhy() {
  if (state.why && !unanswered && performance.now() - askedAtMs > AGAIN_MS) explain(state.why.alert);
}

function close() {
  question += 1;
  update({ why: null });
}

export function why() {
  if (!state.why) return "";
  const { alert, found, of } = state.why;
  const row = /** @type {AlertRow | undefined} */ (state.board?.alerts.find((/** @type {AlertRow} */ one) => one.alert === alert));
  const judged = of === "now" ? found.now : found.raised;
  return html`<dialog ref=${open} class="why" aria-labelledby="why-title" onClose=${close}>
    <div class="line"><h2 id="why-title">${t("explain.title")} ${row && who(row)}</h2><span class="grow"></span><button type="button" onClick=${() => dialog?.close()}>${t("act.close")}</button></div>
    ${notice()}
    ${row && html`<p>${what(row, nodeNow())} · ${code(alert)} · ${t("explain.raised_by")} ${party(row.raised_by)}${found.because && html` · ${t("alert.cleared")}: ${word("cleared", found.because)}`}</p>`}
    <div class="line" role="group" aria-label=${t("explain.which")}>${/** @type {const} */ (["raised", "now"]).map((one) => html`<button key=${one} type="button" aria-pressed=${of === one} disabled=${!found[one]} onClick=${() => update({ why: { alert, found, of: one } })}>${t(`explain.as_${one}`)} ${found[one] ? clockZ(found[one].at_ms) : t("explain.not_held")}</button>`)}</div>
    ${judged ? judgement(judged, found) : html`<p class="text-caution">${found.raised === null && found.now === null ? t("explain.nothing_of_ours") : t("explain.not_held_what")}</p>`}
    ${told(found)}
    <div class="line useful"><span>${t("explain.useful")}</span>
      ${/** @type {const} */ ([true, false]).map((useful) => html`<button key=${useful} type="button" aria-pressed=${row?.useful === useful} onClick=${() => give({ order: "mark_alert", alert, useful })}>${t(useful ? "explain.yes" : "explain.no")}</button>`)}
      <span class="small muted">${t("explain.useful_what")}</span></div>
    ${rate()}
  </dialog>`;
}

/** @param {Judged} judged @param {Explanation} found */
function judgement(judged, found) {
  const zone = state.zones.find((one) => one.zone === found.zone);
  return html`<div class="judged"><div>${plan(judged, zone)}</div><div>${profile(judged)}
      <dl class="rule"><dt>${t("explain.rule")}</dt><dd>${rule(judged)}</dd><dt>${t("explain.predicted")}</dt><dd>${predicted(judged)}</dd>
        <dt>${t("explain.told")}</dt><dd>${t("explain.confirm", { m: judged.confirm[0], n: judged.confirm[1] })}</dd>
        <dt>${t("explain.levels")}</dt><dd>${t("explain.level_times", { alarm: span(judged.alarm_s), warning: span(judged.warning_s) })}</dd>
        <dt>${t("explain.profile")}</dt><dd>${code(judged.profile)}</dd></dl></div></div>
    ${inputs(judged)}`;
}

/** @param {Judged} judged */
function rule(judged) {
  if (!judged.minima) return judged.margin_m === null ? word("rule", judged.rule) : `${word("rule", judged.rule)}. ${t("explain.line_rule", { margin: miles(judged.margin_m), ahead: span(judged.lookahead_s) })}`;
  const { horizontal_m, vertical_ft, lookahead_s } = judged.minima;
  return `${word("rule", judged.rule)}. ${t("explain.pair_rule", { nm: miles(horizontal_m), ft: vertical_ft, ahead: span(lookahead_s) })}`;
}

/** @param {Judged} judged */
function predicted(judged) {
  const parts = [];
  if (judged.time_in_s !== null) parts.push(judged.time_in_s <= 0 ? t("explain.below_now") : t("explain.below_in", { s: span(judged.time_in_s) }));
  if (judged.minima && judged.time_to_nearest_s !== null && judged.distance_m !== null) parts.push(t("explain.nearest", { nm: miles(judged.distance_m), ft: judged.vertical_ft ?? "-", s: span(judged.time_to_nearest_s) }));
  else if (judged.time_in_s === null && judged.distance_m !== null) parts.push(t("explain.comes_within", { nm: miles(judged.distance_m) }));
  return parts.join(" ") || t(judged.rule === "not_assessed" ? "explain.not_assessed" : "explain.gone");
}

/** @param {Judged} judged */
const inputs = (judged) => html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("explain.inputs")}><table class="grid"><caption>${t("explain.inputs")}</caption><thead><tr><th scope="col">${t("explain.track")}</th><th scope="col">${t("explain.declared")}</th><th scope="col">${t("explain.position")}</th><th scope="col">ft</th><th scope="col">kt</th><th scope="col">°</th><th scope="col">ft/min</th><th scope="col">${t("explain.age")}</th><th scope="col">${t("explain.sigma")}</th><th scope="col">${t("explain.plots")}</th></tr></thead>
  <tbody>${judged.tracks.map((track) => {
    const moves = track.v_east_mps !== null && track.v_north_mps !== null;
    const [east, north] = [track.v_east_mps ?? 0, track.v_north_mps ?? 0];
    return html`<tr key=${track.number}><th scope="row">${code(track.label)}</th><td>${party(track.party)}</td><td class="num">${position(track.latitude_e7 / 1e7, track.longitude_e7 / 1e7)}</td>
      <td class="num">${track.altitude_ft ?? "-"}${track.datum === "ellipsoid" ? ` ${t("explain.ellipsoid")}` : ""}</td><td class="num">${moves ? Math.round(Math.hypot(east, north) * 3600 / 1852) : "-"}</td>
      <td class="num">${moves ? String(Math.round((Math.atan2(east, north) * 180) / Math.PI + 360) % 360).padStart(3, "0") : "-"}</td><td class="num">${track.v_up_fpm ?? "-"}</td>
      <td class="num">${((judged.at_ms - track.applicable_at_ms) / 1000).toFixed(1)} s</td><td class="num">${track.position_sigma_m === null ? "-" : `${Math.round(track.position_sigma_m)} m`}</td><td class="num">${count(track.plots)}</td></tr>`;
  })}</tbody></table></div>`;

/** @param {Explanation} found */
const told = (found) => html`${found.told.map((one) => html`<p key=${one.party} class="told">${party(one.party)} ${t("explain.says")} ${code(one.alert)} <b>${t(`level.${one.level}`)}</b>
  ${one.is_cleared ? t("alert.cleared") : one.event_at_ms === null ? "" : html`${t("explain.event_at")} <span class="num">${clockZ(one.event_at_ms)}</span>`}
  ${one.distance_m === null ? "" : miles(one.distance_m)} <span class="muted">${t("explain.said_at")} <span class="num">${clockZ(one.sent_at_ms)}</span></span></p>`)}`;

/** How often this node cries, since it started. */
export function rate() {
  const row = state.board?.nuisance;
  if (!row) return "";
  const raised = Object.values(row.raised).reduce((sum, n) => sum + n, 0);
  const each = row.flight_hours > 0.05 ? (raised / row.flight_hours).toFixed(2) : "-";
  return html`<p class="small muted rate">${t("explain.rate", { raised, hours: row.flight_hours.toFixed(1), each })} ${t("explain.marks", { useful: row.useful, not: row.not_useful })} ${others(clockZ(row.since_ms))}</p>`;
}
