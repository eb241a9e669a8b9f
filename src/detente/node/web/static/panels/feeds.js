// The feeds: which live, how much they gave, and what was refused and why. Then the faults, and what is not built yet.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { age, count } from "../format.js";
import { code } from "../words.js";

/** @typedef {Record<string, any>} Row */

export function feeds() {
  const board = state.board;
  const now = nodeNow();
  return html`${(board?.faults ?? []).map((/** @type {string} */ fault) => html`<p key=${fault} class="text-alarm"><bdi>${fault}</bdi></p>`)}
    ${(board?.feeds ?? []).length === 0 && html`<p class="empty">${t("feeds.none")}</p>`}
    ${(board?.feeds ?? []).map((/** @type {Row} */ feed) => html`<section key=${feed.feed} class="peer">
      <h3>${code(feed.feed)} <b class=${`state f-${feed.state}`}>${word("feed", feed.state)}</b></h3>
      ${feed.note && html`<p class="muted small"><bdi>${feed.note}</bdi></p>`}
      <dl class="facts"><dt>${t("feeds.plots")}</dt><dd class="num">${count(feed.plots)}</dd>
        <dt>${t("feeds.last")}</dt><dd class="num">${age(feed.last_plot_at_ms, now)}</dd>
        <dt>${t("feeds.rejected")}</dt><dd class="num">${count(sum(feed.rejected))}</dd></dl>
      ${reasons(feed.rejected)}
    </section>`)}
    ${board && html`<section class="peer"><h3>${t("feeds.not_assessed")} <span class="num">${count(board.counts.not_assessed)}</span></h3>${reasons(board.counts.not_assessed_why)}</section>`}
    ${(board?.not_built_yet ?? []).length > 0 && html`<section class="peer"><h3>${t("not_built.title")}</h3><ul class="plain">${board?.not_built_yet.map((/** @type {string} */ what) => html`<li key=${what}><bdi>${what}</bdi></li>`)}</ul></section>`}`;
}

/** @param {Record<string, number>} counts */
export const sum = (counts) => Object.values(counts).reduce((p, q) => p + q, 0);

/** Counted reasons, the most frequent first. @param {Record<string, number>} counts */
export const reasons = (counts) => html`<ul class="reasons">${Object.entries(counts).sort((p, q) => q[1] - p[1]).map(([reason, n]) => html`<li key=${reason}><span><bdi>${word("why", reason)}</bdi></span><span class="num">${count(n)}</span></li>`)}</ul>`;
