// The link and the record: each peer's state in words, and for each lane what both sides hold.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { age, clockZ, count, digest, digestWhole } from "../format.js";
import { code, party } from "../words.js";

/** @param {{open: (view: "record") => void}} acts */
export function link(acts) {
  const peers = state.board?.peers ?? [];
  return html`<div class="acts pad"><button type="button" onClick=${() => acts.open("record")}>${t("record.open")} <kbd>9</kbd></button></div>${peers.length === 0 && html`<p class="empty">${t("link.no_peers")}</p>`}${peers.map((peer) => html`<section key=${peer.party} class="peer">
    <h3>${party(peer.party)} ${code(peer.node)} <b class=${`state s-${peer.state}`}>${word("state", peer.state)}</b> <span class="muted small">${t("link.since", { at: clockZ(peer.since_ms) })}</span></h3>
    ${["DOWN", "FORK", "ROLLBACK", "UNVERIFIED"].includes(peer.state) && html`<p class="text-warning">${t(`advice.${peer.state}`)}</p>`}
    ${peer.alarms.map((alarm) => html`<p key=${alarm} class="text-warning small">${word("alarm", alarm)}</p>`)}
    ${facts(peer)}
    ${lanes(peer)}
  </section>`)}`;
}

/** @param {import("../types.js").PeerRow} peer */
export function facts(peer) {
  const now = nodeNow();
  return html`<dl class="facts">
      <dt>${t("link.heard")}</dt><dd class="num">${age(peer.last_heard_ms, now)}</dd>
      <dt>${t("link.rtt")}</dt><dd class="num">${milliseconds(peer.rtt_ms)}</dd>
      <dt>${t("link.offset")}</dt><dd class=${Math.abs(peer.offset_ms ?? 0) > 500 ? "num text-warning" : "num"}>${milliseconds(peer.offset_ms)}</dd>
      <dt>${t("link.receipts")}</dt><dd class="num">${milliseconds(peer.receipt_lag_ms)}</dd>
      <dt>${t("link.watch")}</dt><dd>${peer.watch_present === null ? t("word.unknown") : peer.watch_present ? t("word.yes") : t("word.no")}</dd>
      <dt>${t("link.codebook")}</dt><dd class=${peer.codebook_same === false ? "text-warning" : ""}>${peer.codebook_same === null ? t("word.unknown") : peer.codebook_same ? t("link.same") : t("link.differs")}</dd>
    </dl>`;
}

/** @param {number | null} ms */
export const milliseconds = (ms) => (ms === null ? "-" : Math.abs(ms) < 1000 ? `${ms.toFixed(Math.abs(ms) < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** @param {import("../types.js").PeerRow} peer */
export function lanes(peer) {
  return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("link.lanes")}><table class="grid lanes"><thead><tr><th scope="col">${t("lane.lane")}</th><th scope="col">${t("lane.ours")}</th><th scope="col">${t("lane.held")}</th><th scope="col">${t("lane.theirs")}</th><th scope="col">${t("lane.waiting")}</th><th scope="col">${t("lane.head")}</th></tr></thead>
    <tbody>${peer.lanes.map((lane) => html`<tr key=${lane.lane}><th scope="row">${code(lane.lane)}</th><td class="num">${count(lane.own_size)}</td>
      <td class=${lane.own_held < lane.own_size && peer.state !== "UP" ? "num text-warning" : "num"}>${count(lane.own_held)}</td><td class="num">${count(lane.their_size)}</td>
      <td class=${lane.backlog ? "num text-warning" : "num"}>${count(lane.backlog)}</td><td title=${digestWhole(lane.own_root)}>${code(digest(lane.own_root))}</td></tr>`)}</tbody></table></div>`;
}
