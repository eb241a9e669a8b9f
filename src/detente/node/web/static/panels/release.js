// What leaves: for each peer how many tracks it gets, how many are kept back and by which rule, and the map as it sees us.

import { html } from "../html.js";
import { state } from "../store.js";
import { t } from "../i18n.js";
import { count, digest } from "../format.js";
import { code, party, partyName } from "../words.js";
import { reasons, sum } from "./feeds.js";

/** @typedef {Record<string, any>} Row */

/** @param {{preview: (peer: string | null) => void, open: (view: "release") => void}} acts */
export function released(acts) {
  const peers = state.board?.peers ?? [];
  return html`<div class="acts pad"><button type="button" onClick=${() => acts.open("release")}>${t("release.open")} <kbd>0</kbd></button></div>${peers.map((/** @type {Row} */ peer) => {
    const on = state.preview?.peer === peer.party;
    return html`<section key=${peer.party} class="peer">
      <h3>${party(peer.party)} <span class="muted small"><bdi>${peer.policy_name}</bdi></span> ${code(digest(peer.policy), "small")}</h3>
      <dl class="facts"><dt>${t("release.released")}</dt><dd class="num">${count(peer.released)}</dd>
        <dt>${t("release.withheld")}</dt><dd class="num">${count(sum(peer.withheld))}</dd>
        <dt>${t("release.shared_with_us")}</dt><dd class="num">${count(peer.shared_with_us)}</dd></dl>
      ${reasons(peer.withheld)}
      <div class="acts"><button type="button" aria-pressed=${on} onClick=${() => acts.preview(on ? null : peer.party)}>${t("release.as_seen_by", { party: partyName(peer.party) })}</button></div>
      ${on && html`<h4>${t("release.kept_back")} <span class="num">${state.preview?.withheld.length}</span></h4>
        <ul class="reasons scrolls short" tabindex="0" aria-label=${t("release.kept_back")}>${state.preview?.withheld.slice(0, 200).map((row, k) => html`<li key=${k}>${code(row.label)}<span><bdi>${row.rule}</bdi></span></li>`)}</ul>`}
    </section>`;
  })}`;
}
