// Pieces that every part of a table is made of: an instant with its day, lists that end, digests short and whole.

import { html } from "../html.js";
import { t, word } from "../i18n.js";
import { count } from "../format.js";
import { code, others, party } from "../words.js";

const ROWS_MAX = 200;

/** `2026-11-22 11:57Z`; what no calendar has is shown as the figure that was sent. @param {number | null} ms */
export function when(ms) {
  if (ms === null) return "-";
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : `${date.toISOString().slice(0, -8).replace("T", " ")}Z`;
}

/** @param {number | null} ms */
export const at = (ms) => html`<span class="num muted">${when(ms)}</span>`;

/** A digest by its first sixteen signs; the whole of it on demand. @param {string} digest */
export const digest = (digest) =>
  html`<details class="digest"><summary>${t("table.digest")} ${code(digest.slice(0, 16))}</summary>${code(digest, "whole")}</details>`;

/** A party with its seat, and when. @param {string} who @param {string} seat @param {number | null} ms */
export const by = (who, seat, ms) => html`<span>${party(who)}${seat ? html` <span class="muted">${word("role", seat)}</span>` : ""}${ms === null ? "" : html` ${at(ms)}`}</span>`;

/** Words of others, as written, lines and all. @param {string} text */
export const words = (text) => html`<p class="written">${others(text)}</p>`;

/** @param {any[]} rows @param {(row: any, k: number) => any} row @param {string} none */
export const listed = (rows, row, none) =>
  html`${rows.slice(0, ROWS_MAX).map(row)}${rows.length === 0 && html`<p class="empty">${none}</p>`}${rows.length > ROWS_MAX && html`<p class="empty">${t("count.of", { n: ROWS_MAX, total: count(rows.length) })}</p>`}`;

/** Parties in a row, or a dash. @param {string[]} parties */
export const parties = (parties) => (parties.length ? parties.map((one) => html`<span key=${one}>${party(one)} </span>`) : "-");

/** One titled part of the page. @param {string} id @param {string} title @param {any} body @param {number} [n] */
export const part = (id, title, body, n) =>
  html`<section id=${`table-${id}`} class="part" aria-labelledby=${`table-${id}-head`}><h2 id=${`table-${id}-head`}>${title}${n === undefined ? "" : html` <span class="num muted">${count(n)}</span>`}</h2>${body}</section>`;

/** A state's word with its colour. @param {string} text @param {"good" | "warn" | "bad" | ""} level */
export const stateBadge = (text, level) => html`<b class=${`badge ${level}`}>${text}</b>`;
