// Each link: its state in words and since when, the last hour, line checks, what was refused. A fork or a rollback is
// not a line among others: it takes the head of the page, with what to do, and by whom.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { age, clockZ, count } from "../format.js";
import { give } from "../orders.js";
import { code, others, party, partyName } from "../words.js";
import { facts, lanes } from "../panels/link.js";
import { reasons, sum } from "../panels/feeds.js";
import { plots } from "./plot.js";

/** @typedef {import("../types.js").PeerRow} PeerRow */

const MAY_REBASE = ["military", "intelligence", "foreign_service", "leader"];
const STEPS = /** @type {Record<string, number>} */ ({ FORK: 5, ROLLBACK: 4 });

/** What stands above everything else on this page. */
export const grave = () => html`${(state.board?.peers ?? []).filter((peer) => peer.state in STEPS).map((peer) => html`<section key=${peer.party} class="grave" role="region" aria-label=${`${partyName(peer.party)} ${word("state", peer.state)}`}>
  <h2>${party(peer.party)} <b class="badge bad">${word("state", peer.state)}</b> ${t(`grave.${peer.state}`)}</h2>
  ${peer.why && html`<p>${others(peer.why, "en")}</p>`}
  <ol class="steps-to-do">${Array.from({ length: STEPS[peer.state] }, (_, k) => html`<li key=${k}>${t(`grave.${peer.state}_${k + 1}`)}</li>`)}</ol>
  ${peer.forks.map((fork) => html`<div key=${fork.log} class="note bad-edge"><p>${code(fork.log)}</p><p>${t("grave.proof")} ${code(fork.proof, "whole")}</p>
    <p>${t("grave.agreed")} ${fork.agreed.length ? fork.agreed.map((one) => party(one)) : t("grave.nobody")}</p>
    ${MAY_REBASE.includes(state.session.role ?? "") ? html`<details><summary>${t("grave.rebase")}…</summary><p>${t("grave.rebase_what")}</p><button type="button" class="main" data-rebase=${fork.log} disabled=${fork.agreed.includes(state.board?.party ?? "")} onClick=${() => give({ order: "rebase", party: peer.party, log: fork.log })}>${t("grave.rebase")}</button></details>` : html`<p class="small muted">${t("grave.not_yours")} ${MAY_REBASE.map((role) => word("role", role)).join(", ")}</p>`}</div>`)}
  ${peer.state === "ROLLBACK" && html`<ul class="small">${peer.lanes.filter((lane) => lane.own_stopped || lane.their_stopped).map((lane) => html`<li key=${lane.lane}>${code(lane.lane)}: ${lane.own_stopped && html`${t("grave.own_stopped")} ${code(lane.own_stopped)}`} ${lane.their_stopped && html`${t("grave.their_stopped")} ${code(lane.their_stopped)}`}</li>`)}</ul>`}
</section>`)}`;

export function links() {
  const peers = state.board?.peers ?? [];
  return html`${peers.length === 0 && html`<p class="empty">${t("link.no_peers")}</p>`}${peers.map((peer) => html`<section key=${peer.party} class="part">
    <h2>${party(peer.party)} ${code(peer.node)} <b class=${`state s-${peer.state}`}>${word("state", peer.state)}</b> <span class="muted small">${t("link.since", { at: clockZ(peer.since_ms) })}</span></h2>
    ${peer.why && html`<p class="small">${others(peer.why, "en")}</p>`}
    ${peer.alarms.map((alarm) => html`<p key=${alarm} class="text-warning small">${word("alarm", alarm)}</p>`)}
    ${facts(peer)}
    ${history(peer.party)}
    ${checks(peer)}
    ${lanes(peer)}
    ${refused(peer)}
  </section>`)}`;
}

/** @param {string} peer */
function history(peer) {
  const { samples, why } = state.record.history[peer] ?? { samples: null, why: null };
  if (why === null) return samples && plots(samples);
  return html`<p class="text-alarm small" role="alert">${t("history.title")}. ${t("record.not_read")} ${others(why, "en")}</p>`;
}

/** When the line was last tried, each way: a line that nobody has tried is not known to work. @param {PeerRow} peer */
export const checks = (peer) => html`<p class="small checks"><span>${t("check.ours")} ${peer.line_test_own_at_ms === null ? t("check.never") : html`<span class="num">${clockZ(peer.line_test_own_at_ms)}</span> ${peer.line_test_held_at_ms !== null && peer.line_test_held_at_ms >= peer.line_test_own_at_ms ? html`${t("check.held")} <span class="num">${age(peer.line_test_own_at_ms, peer.line_test_held_at_ms)}</span>` : html`<b class="text-warning">${t("check.not_held")}</b>`}`}</span>
  <span>${t("check.theirs")} ${peer.line_test_their_at_ms === null ? t("check.never") : html`<span class="num">${clockZ(peer.line_test_their_at_ms)}</span> (${age(peer.line_test_their_at_ms, nodeNow())})`}</span></p>`;

/** @param {PeerRow} peer */
const refused = (peer) => html`${sum(peer.refused) > 0 && html`<h3>${t("link.refused")} <span class="num">${count(sum(peer.refused))}</span></h3>${reasons(peer.refused)}`}
  ${sum(peer.refused_by_peer) > 0 && html`<h3>${t("link.refused_by_peer")} <span class="num">${count(sum(peer.refused_by_peer))}</span></h3>${reasons(peer.refused_by_peer)}`}`;
