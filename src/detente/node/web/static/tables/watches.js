// Who is on watch at each party, by post and shift; and that nobody is.

import { html } from "../html.js";
import { t, word } from "../i18n.js";
import { code, party } from "../words.js";
import { at, part, words } from "./pieces.js";
import { actRow } from "./act-row.js";

/** @typedef {Record<string, any>} Row */

/** @param {Row} view */
export const watches = (view) => part("watches", t("table.watches"), html`
  ${view.watches.map((/** @type {Row} */ row) => html`<div key=${row.party} class="note"><p>${party(row.party)} ${row.nobody && html`<b class="badge warn">${t("table.nobody")}</b>`} ${row.since_ms !== null && html`${t("table.since")} ${at(row.since_ms)}`}</p>
    ${row.posts.map((/** @type {Row} */ post) => html`<p key=${post.post}>${word("role", post.post)}${post.deputy ? ` (${t("table.deputy")})` : ""} ${t("table.until")} ${at(post.until_ms)} ${code(post.languages.join(" "))}</p>${post.handed_over && words(post.handed_over)}`)}</div>`)}
  ${actRow([{ act: "watch.take", values: { post: "operator", hours: "8" } }, { act: "watch.leave", values: { post: "operator" } }])}`);
