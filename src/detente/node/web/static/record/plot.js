// The last hour of one link as four small plots over one line of time, with what state it was in.

import { html } from "../html.js";
import { t, word } from "../i18n.js";
import { clock, count } from "../format.js";
import { milliseconds } from "../panels/link.js";

/** @typedef {import("../types.js").LinkSamples} LinkSamples */

const [WIDE, HIGH] = [720, 36];
const ROWS = /** @type {const} */ (["rtt_ms", "offset_ms", "backlog", "receipt_lag_ms"]);

/** Runs of known values as the points of lines: what was not known leaves a gap. @param {(number | null)[]} values @param {number} top @param {number} bottom @returns {string[]} */
export function lines(values, top, bottom) {
  const runs = /** @type {string[][]} */ ([[]]);
  const step = WIDE / Math.max(1, values.length - 1);
  values.forEach((value, k) => {
    if (value === null) runs.push([]);
    else runs[runs.length - 1].push(`${(k * step).toFixed(1)},${(2 + ((top - value) / (top - bottom || 1)) * (HIGH - 4)).toFixed(1)}`);
  });
  return runs.filter((run) => run.length > 0).map((run) => (run.length === 1 ? `${run[0]} ${run[0]}` : run.join(" ")));
}

/** Runs of one state: `[state, from, to]` by sample. @param {string[]} states @returns {[string, number, number][]} */
export function spells(states) {
  /** @type {[string, number, number][]} */
  const found = [];
  states.forEach((state, k) => {
    const last = found[found.length - 1];
    if (last && last[0] === state) last[2] = k + 1;
    else found.push([state, k, k + 1]);
  });
  return found;
}

/** @param {LinkSamples} samples */
export function plots(samples) {
  if (samples.at_ms.length < 2) return html`<p class="small muted">${t("history.none")}</p>`;
  const [first, last] = [samples.at_ms[0], samples.at_ms[samples.at_ms.length - 1]];
  const share = WIDE / samples.state.length;
  return html`<figure class="plots" aria-label=${t("history.title")}>
    <div class="plot"><span class="small muted">${t("history.state")}</span><svg viewBox=${`0 0 ${WIDE} 8`} preserveAspectRatio="none" role="img" aria-label=${spells(samples.state).map(([state]) => word("state", state)).join(", ")}>${spells(samples.state).map(([state, from, to], k) => html`<rect key=${k} class=${`was-${state}`} x=${from * share} width=${(to - from) * share} y="0" height="8" />`)}</svg><span></span></div>
    ${ROWS.map((name) => row(name, samples[name]))}
    <figcaption class="num muted"><span>${clock(first).slice(0, 5)}Z</span><span>${clock(last).slice(0, 5)}Z</span></figcaption></figure>`;
}

/** @param {typeof ROWS[number]} name @param {(number | null)[]} values */
function row(name, values) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(0, ...known);
  const bottom = Math.min(0, ...known);
  const said = (/** @type {number | null | undefined} */ value) => (name === "backlog" ? count(value ?? 0) : milliseconds(value ?? null));
  const newest = values[values.length - 1];
  return html`<div key=${name} class="plot"><span class="small muted">${t(`history.${name}`)}</span>
    <svg viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${t("history.said", { now: said(newest), most: known.length ? said(top) : "-", least: known.length ? said(Math.min(...known)) : "-" })}>
      <line class="zero" x1="0" x2=${WIDE} y1=${lineAt(0, top, bottom)} y2=${lineAt(0, top, bottom)} />${lines(values, top, bottom).map((points, k) => html`<polyline key=${k} points=${points} />`)}</svg>
    <span class="num small"><b>${newest === null ? "-" : said(newest)}</b><br /><span class="muted">${t("history.most")} ${known.length ? said(top) : "-"}</span></span></div>`;
}

/** @param {number} value @param {number} top @param {number} bottom */
const lineAt = (value, top, bottom) => (2 + ((top - value) / (top - bottom || 1)) * (HIGH - 4)).toFixed(1);
