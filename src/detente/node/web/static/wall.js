// The wall: read only and large, for all who are in the room. What is urgent on one side, the map beside it, the time over
// both. It orders nothing and tells no node that anything was displayed: nobody is known to have looked.

import { html } from "./html.js";
import { state } from "./store.js";
import { t, word } from "./i18n.js";
import { nodeNow } from "./clock.js";
import { clockZ, count, countdown } from "./format.js";
import { levelMark } from "./marks.js";
import { party } from "./words.js";
import { byUrgency, isOpen, measures, othersDid, what, who } from "./alert-words.js";

const ROWS = 8;
const MESSAGES = 3;

/** Whether this page was opened as a wall: `/wall` or `?view=wall`. */
export const isWall = () => location.pathname === "/wall" || new URLSearchParams(location.search).get("view") === "wall";

export function wallQueue() {
  const now = nodeNow();
  const rows = byUrgency((state.board?.alerts ?? []).filter((/** @type {any} */ row) => row.state === "active"));
  const messages = (state.board?.messages ?? []).filter((/** @type {any} */ m) => m.precedence === "Z" || m.precedence === "O").slice(0, MESSAGES);
  return html`<section class="wall-queue" aria-label=${t("alerts.title")}>
    ${rows.length === 0 && html`<p class="wall-none">${t("strip.none")} <b>${t("top.not_a_clearance")}.</b></p>`}
    <ol>${rows.slice(0, ROWS).map((row) => html`<li key=${row.alert} class=${`alert edge-${row.level} ${isOpen(row) ? "open" : ""}`}>
      <div class="first">${levelMark(row.level)} <b class="who">${who(row)}</b><span class="grow"></span><b class=${`num time text-${row.level}`}>${row.event_at_ms === null ? "" : countdown(row.event_at_ms, now)}</b></div>
      <div class="muted">${what(row, now)} ${measures(row)}</div>
      <div>${isOpen(row) ? html`<b class="text-caution">${t("wall.not_acknowledged")}</b>` : t("wall.acknowledged")} ${othersDid(row).map((/** @type {any} */ did) => html`<span key=${did.party} class="muted"><bdi>${did.name}</bdi> ${did.text} </span>`)}</div></li>`)}</ol>
    ${rows.length > ROWS && html`<p class="text-caution">${t("count.of", { n: ROWS, total: count(rows.length) })}</p>`}
    ${messages.map((/** @type {any} */ m) => html`<p key=${m.message} class="wall-message">${party(m.sender)} <b>${word("precedence", m.precedence)}</b> <span class="num">${clockZ(m.sent_at_ms)}</span> <bdi lang=${m.rendered[state.lang] ? state.lang : m.lang}>${m.rendered[state.lang] ?? m.text}</bdi></p>`)}
  </section>`;
}

export function wallPeers() {
  const peers = state.board?.peers ?? [];
  return html`<ul class="wall-peers">${peers.map((/** @type {any} */ peer) => html`<li key=${peer.party} class=${peer.state === "UP" ? "good" : peer.state === "DEGRADED" ? "warn" : "bad"}>${party(peer.party)} <b>${word("state", peer.state)}</b></li>`)}</ul>`;
}
