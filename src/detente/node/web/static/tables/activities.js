// Activities declared at a table: what, where and when, how far it has come with each other party, and what it meets.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { isProtected } from "../map/volume.js";
import { at, by, digest, listed, part, parties, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {{changeActivity: (row: Row) => void, givePlace: (row: Row) => void, newActivity: () => void}} Acts */

const LEVEL = /** @type {Record<string, "good" | "warn" | "bad" | "">} */ ({ active: "good", activated: "good", planned: "warn", objected: "bad", nonconforming: "bad" });

/** @param {Row} view @param {Acts} acts */
export const activities = (view, acts) =>
  view.activities ? part("activities", t("table.activities"), html`${actRow([{ act: "activity.declare", begins: acts.newActivity }])}${listed(view.activities, (row) => activity(row, acts), t("table.none"))}`, view.activities.length) : "";

/** What may be done about it: its owner leads it, the others answer; a joint one goes by its proposal. @param {Row} row @param {Acts} acts */
function offered(row, acts) {
  const isForOne = state.table.view?.brief.members.length === 2;
  if (row.plan === null) return [];
  const about = `${row.activity} ${row.title}`;
  const one = (/** @type {string} */ act, /** @type {Row} */ fixed = {}) => ({ act, about, fixed: { activity: row.activity, ...fixed } });
  const key = row.overlaps.map((/** @type {Row} */ met) => met.digest);
  const flies = ["activated", "nonconforming", "contingent"].includes(row.state);
  const leads = [
    ...(["accepted", "nonconforming"].includes(row.state) ? [one("activity.activate", { digest: row.digest, key })] : []),
    ...(flies || row.state === "accepted" ? [one("activity.deviate")] : []),
    ...(flies ? [one("activity.end")] : []),
  ];
  if (row.proposal !== null) return leads;
  if (row.by !== state.board?.party) {
    return [one("activity.accept", { digest: row.digest, key }), ...["object", "ask", "pass_on"].map((act) => one(`activity.${act}`, { digest: row.digest }))];
  }
  return [
    { act: "activity.change", begins: () => acts.changeActivity(row) }, ...leads,
    ...(row.state === "accepted" ? [one("activity.cancel")] : []), ...(row.kind === "protected_site" ? [one("activity.confirm")] : []),
    ...(isProtected(row.kind) && isForOne ? [{ act: "activity.give_place", begins: () => acts.givePlace(row) }] : []),
  ];
}

/** @param {Row} row @param {Acts} acts */
function activity(row, acts) {
  return html`<article key=${row.activity} class="thing" data-activity=${row.activity}><h3>${code(row.activity)} ${others(row.title)} ${stateBadge(word("activity", row.state), LEVEL[row.state] ?? "")} ${row.is_short && stateBadge(t("table.short_notice"), "warn")} ${row.stale && stateBadge(t("table.stale"), "warn")} ${row.place_given && stateBadge(t("table.place_given"), "")}</h3>
    <p class="small">${word("activity_kind", row.kind)} · ${by(row.by, row.seat, row.declared_at_ms)} · ${at(row.start_ms)} - ${at(row.end_ms)}</p>
    ${row.words && words(row.words)}
    <ul class="small">${row.volumes.map((/** @type {Row} */ volume, /** @type {number} */ k) => html`<li key=${k}>${levels(volume)} ${at(volume.start_ms)} - ${at(volume.end_ms)}</li>`)}</ul>
    ${row.contact && html`<p class="small"><span class="muted">${t("table.contact")}</span> ${others(row.contact)}</p>`}
    <ul class="small">${row.answers.map((/** @type {Row} */ answer) => html`<li key=${answer.party}>${party(answer.party)} ${word("stage", answer.stage)} ${answer.answer !== null && html`<b class=${answer.answer === "objects" ? "text-warning" : ""}>${word("answer", answer.answer)}</b> ${at(answer.at_ms)}`} ${answer.words && others(answer.words)}</li>`)}</ul>
    ${row.overlaps.map((/** @type {Row} */ met) => html`<p key=${met.activity} class=${met.seen ? "small" : "small text-warning"}>${t(met.seen ? "table.meets_seen" : "table.meets_unseen")} ${code(met.activity)} ${others(met.title)} ${party(met.by)} ${at(met.from_ms)} - ${at(met.until_ms)}${met.levels_known ? "" : html` <span class="text-caution">${t("table.levels_not_compared")}</span>`}</p>`)}
    ${row.short_noted_by.length > 0 && html`<p class="small text-caution">${t("table.short_noted_by")} ${parties(row.short_noted_by)}</p>`}
    ${row.reason && words(row.reason)}${digest(row.digest)}${actRow(offered(row, acts))}</article>`;
}

/** @param {Row} volume */
function levels(volume) {
  const edge = (/** @type {number | null} */ ft, /** @type {number | null | undefined} */ cm, /** @type {string} */ open) => (ft !== null ? `${ft} ft` : typeof cm === "number" ? `${(cm / 100).toFixed(0)} m` : open);
  return html`<span class="num">${edge(volume.floor_ft, volume.floor_cm, "GND")} - ${edge(volume.ceiling_ft, volume.ceiling_cm, "UNL")}</span> ${code(volume.datum)}`;
}
