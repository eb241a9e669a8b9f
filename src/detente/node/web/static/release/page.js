// The page on what leaves: the policy in words and on the map, the picture as the peer has it beside ours, how fine that
// really is, what is kept back and why; and whether more is told than usual, by whom, and how to undo it.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { clockZ, count, digest } from "../format.js";
import { give } from "../orders.js";
import { code, others, party, partyName } from "../words.js";
import { sum } from "../panels/feeds.js";
import { editor, left } from "./editor.js";
import { choose, openPeer } from "./load.js";
import { pane } from "./split.js";
import { gives, when } from "./words.js";

/** @typedef {import("../types.js").ReleaseView} ReleaseView */
/** @typedef {import("../types.js").RuleRow} RuleRow */

/** @param {{showMap: () => void}} acts */
export function release(acts) {
  const { view, fault } = state.release;
  return html`<header class="table-head"><div class="line"><h1>${t("release.title")}</h1>${(state.board?.peers ?? []).map((peer) => html`<button key=${peer.party} type="button" aria-pressed=${peer.party === openPeer()} data-peer=${peer.party} onClick=${() => choose(peer.party)}>${party(peer.party)}</button>`)}
      <span class="grow"></span>${state.lang !== "en" && html`<span class="text-caution">${t("top.draft_translation")}</span>`}<button type="button" onClick=${acts.showMap}>${t("table.to_map")} <kbd>3</kbd></button></div>
      ${fault && html`<p class="text-alarm" role="alert">${t("record.not_read")} ${others(fault, "en")}</p>`}</header>
    ${view && html`${wider()}${pending()}
      <div class="table-columns release-columns">
        <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("release.policy")}>${policy(view)}</div>
        <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("release.split")}>${split()}</div></div>`}`;
}

/** More leaves than by the baseline: why, and the way back. */
function wider() {
  const policy = state.board?.policy;
  if (!policy || (!policy.is_wider && policy.undo_to === null)) return "";
  return html`<section class=${policy.is_wider ? "wider" : "pending"} role="status" aria-label=${t("release.wider")}>${policy.is_wider && html`<b>${t("release.wider")}</b>`} <span>${others(policy.name)} ${policy.by.map((seat) => word("role", seat)).join(", ")}</span> ${policy.wider_because.map((line) => html`<span key=${line}>${others(line, "en")}</span>`)}<span class="grow"></span>
    ${policy.undo_to !== null && html`<button type="button" id="release-undo" onClick=${() => give({ order: "revert_policy" })}>${t("release.undo")} <bdi>${policy.undo_to}</bdi></button>`}</section>`;
}

/** Another policy waits for a second person. */
function pending() {
  const proposed = state.board?.policy?.proposed;
  if (!proposed) return "";
  const isMine = proposed.by === state.session.role;
  return html`<section class="pending" role="status" aria-label=${t("release.pending")}><b>${t("release.pending")}</b> <bdi>${proposed.name}</bdi> ${code(proposed.digest, "whole")} ${word("role", proposed.by)} <span class="num">${clockZ(proposed.at_ms)}</span> <span class="muted">${t("release.until")} <span class="num">${clockZ(proposed.expires_at_ms)}</span></span>
    <ul>${proposed.wider_because.map((line) => html`<li key=${line}>${others(line, "en")}</li>`)}</ul>
    ${isMine ? html`<p class="small">${t("release.second_person")}</p>` : html`<button type="button" class="main" id="release-confirm" onClick=${() => give({ order: "confirm_policy", digest: proposed.digest })}>${t("release.confirm")}</button>`}
    <button type="button" id="release-withdraw" onClick=${() => give({ order: "revert_policy" })}>${t("release.withdraw")}</button></section>`;
}

/** @param {ReleaseView} view */
function policy(view) {
  return html`<section class="part"><h2>${others(view.name)} ${code(digest(view.digest))}</h2>${view.note && html`<p class="written">${others(view.note)}</p>`}
      <dl class="facts"><dt>${t("release.released")}</dt><dd class="num">${count(view.released)}</dd><dt>${t("release.withheld")}</dt><dd class="num">${count(sum(view.withheld))}</dd><dt>${t("release.default")}</dt><dd>${t("release.default_withhold")}</dd></dl></section>
    <section class="part"><h2>${t("release.rules")} <span class="num muted">${view.rules.length}</span></h2><p class="small muted">${t("release.first_decides")}</p>${state.release.fineness?.why && html`<p class="text-alarm" role="alert">${t("release.not_tried")} ${others(state.release.fineness.why, "en")}</p>`}
      <ol class="rules">${view.rules.map((rule, k) => ruleRow(rule, k, view))}<li class="thing last"><h3>${t("release.else")}</h3><p>${t("release.default_withhold")}</p></li></ol>${editor()}</section>
    <section class="part"><h2>${t("release.kept_by")}</h2><table class="grid"><tbody>${Object.entries(view.withheld).sort((p, q) => q[1] - p[1]).map(([reason, n]) => html`<tr key=${reason}><th scope="row">${others(word("why", reason))}</th><td class="num">${count(n)}</td></tr>`)}</tbody></table></section>`;
}

/** @param {RuleRow} rule @param {number} k @param {ReleaseView} view */
const ruleRow = (rule, k, view) => html`<li key=${rule.name} class=${`thing rule-${rule.effect}`} data-rule=${rule.name}><h3><span class="num muted">${k + 1}</span> ${others(rule.name)} <b class=${`badge ${rule.effect === "release" ? "good" : "warn"}`}>${t(`release.effect_${rule.effect}`)}</b> <span class="small muted">${rule.to.length ? rule.to.map((one) => html`${party(one)} `) : t("release.everybody")}</span>${rule.effect === "withhold" && view.withheld[rule.name] ? html` <span class="num">${count(view.withheld[rule.name])}</span>` : ""}</h3>
  ${when(rule)}<p>${others(gives(rule))}</p>${rule.why && html`<p class="small muted">${others(rule.why)}</p>`}${rule.effect === "release" && fineness(rule.name)}</li>`;

/** What is left of a rule's promise once a peer has watched for a while. @param {string} rule */
const fineness = (rule) => left(state.release.fineness?.rows.find((one) => one.name === rule));

function split() {
  const peer = openPeer();
  const seen = state.release.seen;
  return html`<section class="part split"><h2>${t("release.split")}</h2><div class="panes">
      <figure><canvas ref=${(/** @type {HTMLCanvasElement | null} */ canvas) => pane(canvas, "ours")} role="img" aria-label=${t("release.ours_name", { n: seen?.withheld.length ?? 0 })}></canvas><figcaption>${t("release.ours")}</figcaption></figure>
      <figure><canvas ref=${(/** @type {HTMLCanvasElement | null} */ canvas) => pane(canvas, "theirs")} role="img" aria-label=${t("release.theirs_name", { party: partyName(peer), n: seen?.tracks.n ?? 0 })}></canvas><figcaption>${t("release.as_seen_by", { party: partyName(peer) })} <span class="num">${seen ? clockZ(seen.tracks.atMs) : "-"}</span></figcaption></figure></div>
      <p class="small muted">${t("release.split_what")}</p></section>
    <section class="part"><h2>${t("release.kept_back")} <span class="num muted">${count(seen?.withheld.length ?? 0)}</span></h2>
      <ul class="reasons">${(seen?.withheld ?? []).slice(0, 200).map((row, k) => html`<li key=${k}>${code(row.label)}<span><bdi>${row.rule}</bdi></span></li>`)}</ul></section>`;
}
