// A dossier in three steps: about what, what goes in and what will be missing, and the file. Nothing leaves before the
// person has seen what does.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clockZ, count } from "../format.js";
import { DOSSIER_S, LONGER_S, NO_ANSWER, answerTo, ask } from "../ask.js";
import { whyNot } from "../orders.js";
import { code, others } from "../words.js";
import { whoText } from "../alert-words.js";
import { put } from "./load.js";

/** @typedef {import("../types.js").Portion} Portion */

const WAYS = /** @type {const} */ (["incident", "window", "range", "whole"]);
const LANES = ["flash", "ops", "track"];

/** @param {Partial<typeof state.record.dossier>} change */
const change = (change) => put({ dossier: { ...state.record.dossier, plan: null, done: "", fault: "", ...change } });

/** `2026-12-01T11:30` as the node's milliseconds UTC. @param {string} text */
const instant = (text) => (text ? Date.parse(`${text}:00Z`) : NaN);

/** @param {number} ms */
const written = (ms) => new Date(ms).toISOString().slice(0, 16);

/** What is asked of the node; null while it is not complete. */
export function asked() {
  const { way, incident, around, from, to, log, first, last, lanes, peer } = state.record.dossier;
  const shared = { lanes: LANES.filter((lane) => lanes.includes(lane)), peers: peer ? [peer] : [] };
  if (shared.lanes.length === 0) return null;
  if (shared.lanes.length === LANES.length) shared.lanes = [];
  if (way === "incident") return incident ? { ...shared, incident, around_min: Number(around) || 0 } : null;
  if (way === "window") return Number.isFinite(instant(from)) && instant(to) > instant(from) ? { ...shared, from_ms: instant(from), to_ms: instant(to) } : null;
  if (way === "range") return log && Number(last) > Number(first) ? { ranges: { [log]: [Number(first), Number(last)] } } : null;
  return shared;
}

async function plan() {
  const body = JSON.stringify(asked());
  // What would go into another dossier than the one that is asked for now is shown to nobody as this one's.
  const isThis = () => body === JSON.stringify(asked());
  try {
    const plan = /** @type {Portion[]} */ (await ask("/api/record/plan", { method: "POST", body, withinS: LONGER_S }));
    if (isThis()) change({ plan });
  } catch (fault) {
    const { code, message } = /** @type {import("../ask.js").Refusal} */ (fault);
    if (isThis()) change({ fault: code === NO_ANSWER ? message : whyNot(fault) }); // a look does nothing: no doubt is left
  }
}

/** Fetch the file and hand it to the browser to keep; one is made at a time. */
async function take() {
  if (state.record.dossier.making) return;
  const kept = (/** @type {Partial<typeof state.record.dossier>} */ more) => put({ dossier: { ...state.record.dossier, ...more } });
  kept({ making: true, done: "", fault: "" });
  try {
    const how = { method: "POST", body: JSON.stringify(asked()), withinS: DOSSIER_S };
    const [file, said] = await answerTo("/api/record/dossier", async (answer) => /** @type {const} */ ([await answer.blob(), answer.headers.get("content-disposition")]), how);
    const name = /filename="([\w.-]+)"/.exec(said ?? "")?.[1] ?? "dossier.zip";
    const address = URL.createObjectURL(file);
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    kept({ making: false, done: name });
  } catch (fault) {
    kept({ making: false, fault: whyNot(fault) });
  }
}

export function dossier() {
  const d = state.record.dossier;
  const may = state.session.role !== "operator";
  return html`<section class="part" id="record-dossier"><h2>${t("dossier.title")}</h2><p class="small muted">${t("dossier.what")}</p>
    ${!may && html`<p class="text-caution">${t("dossier.not_yours")}</p>`}
    <fieldset><legend>1 · ${t("dossier.about")}</legend>
      <div class="line" role="group" aria-label=${t("dossier.about")}>${WAYS.map((way) => html`<button key=${way} type="button" aria-pressed=${d.way === way} data-way=${way} onClick=${() => change({ way })}>${t(`dossier.way_${way}`)}</button>`)}</div>
      ${about(d)}
      ${d.way !== "range" && html`<div class="line"><span class="small muted">${t("dossier.lanes")}</span>${LANES.map((lane) => html`<label key=${lane} class="tick"><input type="checkbox" checked=${d.lanes.includes(lane)} onChange=${(/** @type {any} */ e) => change({ lanes: e.target.checked ? [...d.lanes, lane] : d.lanes.filter((one) => one !== lane) })} /> ${code(lane)}</label>`)}</div>`}
    </fieldset>
    <fieldset><legend>2 · ${t("dossier.plan")}</legend><button type="button" id="dossier-plan" disabled=${!may || asked() === null} onClick=${plan}>${t("dossier.look")}</button>${d.plan && portions(d.plan)}</fieldset>
    <fieldset><legend>3 · ${t("dossier.take")}</legend><button type="button" class="main" id="dossier-take" disabled=${!may || !d.plan} onClick=${take}>${t("dossier.make")}</button>
      ${d.making && html`<p role="status">${t("dossier.making")}</p>`}
      ${d.done && html`<p role="status"><b class="badge good">${t("dossier.done")}</b> ${code(d.done)}</p><p class="small">${t("dossier.check")} ${code(`detente verify ${d.done}`, "whole")}</p>`}</fieldset>
    ${d.fault && html`<p class="text-alarm" role="alert">${others(d.fault)}</p>`}</section>`;
}

/** @param {typeof state.record.dossier} d */
function about(d) {
  const field = (/** @type {"from" | "to"} */ name) => html`<label class="filter"><span class="small muted">${t(`dossier.${name}`)}</span><input id=${`dossier-${name}`} type="datetime-local" value=${d[name]} onInput=${(/** @type {any} */ e) => change({ [name]: e.target.value })} /></label>`;
  if (d.way === "incident") {
    const alerts = state.board?.alerts ?? [];
    return html`<div class="line"><label class="filter wide"><span class="small muted">${t("dossier.alert")}</span><select id="dossier-incident" value=${d.incident} onChange=${(/** @type {any} */ e) => change({ incident: e.target.value })}><option value="">-</option>${alerts.map((row) => html`<option key=${row.alert} value=${row.alert} selected=${row.alert === d.incident}>${row.alert} · ${whoText(row)} · ${clockZ(row.raised_at_ms)}</option>`)}</select></label>
      <label class="filter"><span class="small muted">${t("dossier.or_name")}</span><input id="dossier-name" maxlength="200" autocomplete="off" value=${d.incident} onInput=${(/** @type {any} */ e) => change({ incident: e.target.value.trim() })} /></label>
      <label class="filter"><span class="small muted">${t("dossier.around")}</span><input id="dossier-around" type="number" min="0" max="1440" value=${d.around} onInput=${(/** @type {any} */ e) => change({ around: e.target.value })} /></label></div>`;
  }
  if (d.way === "window") return html`<div class="line">${field("from")}${field("to")}<button type="button" onClick=${() => change({ from: written(nodeNow() - 3_600_000), to: written(nodeNow() + 60_000) })}>${t("dossier.last_hour")}</button></div>`;
  if (d.way === "range") return html`<div class="line"><label class="filter wide"><span class="small muted">${t("record.log")}</span><select id="dossier-log" value=${d.log} onChange=${(/** @type {any} */ e) => change({ log: e.target.value, first: "0", last: String(state.record.logs.find((row) => row.log === e.target.value)?.signed ?? 0) })}><option value="">-</option>${state.record.logs.map((row) => html`<option key=${row.log} value=${row.log} selected=${row.log === d.log}>${row.log}</option>`)}</select></label>
    ${/** @type {const} */ (["first", "last"]).map((name) => html`<label key=${name} class="filter"><span class="small muted">${t(`dossier.${name}`)}</span><input id=${`dossier-${name}`} type="number" min="0" value=${d[name]} onInput=${(/** @type {any} */ e) => change({ [name]: e.target.value })} /></label>`)}</div>`;
  return html`<div class="line"><label class="filter"><span class="small muted">${t("dossier.peer")}</span><select id="dossier-peer" value=${d.peer} onChange=${(/** @type {any} */ e) => change({ peer: e.target.value })}><option value="">${t("record.all")}</option>${(state.board?.peers ?? []).map((peer) => html`<option key=${peer.party} value=${peer.party} selected=${peer.party === d.peer}>${peer.party}</option>`)}</select></label></div>`;
}

/** @param {Portion[]} plan */
const portions = (plan) => html`<ul class="portions">${plan.map((part) => html`<li key=${part.log} class="note"><p>${code(part.log)} ${t("dossier.leaves", { start: count(part.start), stop: count(part.stop) })} <span class="muted">${word("form", part.form)}</span></p>
  ${missing(part).map((line) => html`<p key=${line} class="text-caution small">${line}</p>`)}</li>`)}</ul><p class="small muted">${t("dossier.missing_what")}</p>`;

/** What a reader of the dossier will not find, in words. @param {Portion} part */
export function missing(part) {
  const lines = [];
  if (part.receipt_outstanding) lines.push(t("dossier.no_receipt", { n: count(part.receipt_outstanding) }));
  if (part.without_body) lines.push(t("dossier.no_body", { n: count(part.without_body) }));
  if (part.only_incident) lines.push(t("dossier.only_incident"));
  if (part.start > 0 || part.size > part.stop) lines.push(t("dossier.not_shown", { before: count(part.start), after: count(part.size - part.stop) }));
  return lines;
}

/** Begin a dossier about *alert*. @param {string} alert */
export const aboutAlert = (alert) => change({ way: "incident", incident: alert });
