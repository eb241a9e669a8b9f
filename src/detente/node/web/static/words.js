// Pieces of text that several views share: names, callsigns and the words of others, always as text, always isolated.

import { html } from "./html.js";
import { state } from "./store.js";
import { t } from "./i18n.js";
import { partyMark } from "./marks.js";

/** A callsign, code or digest: no language, never translated, never changed in case. @param {string} text @param {string} [cls] */
export const code = (text, cls = "") => html`<bdi class=${`code ${cls}`} lang="zxx" translate=${false}>${text}</bdi>`;

/** @param {string} id */
export const partyIndex = (id) => (state.board?.parties ?? []).findIndex((/** @type {any} */ party) => party.id === id);

/** @param {string} id */
export const partyName = (id) => state.board?.parties[partyIndex(id)]?.name ?? id;

/** A party's shape and name. @param {string | null} id */
export function party(id) {
  if (id === null) return html`<span class="party">${partyMark(-1)} ${t("party.nobody")}</span>`;
  return html`<span class="party">${partyMark(partyIndex(id))} <bdi>${partyName(id)}</bdi></span>`;
}

/** Latin beside Cyrillic or Greek in one word: the usual way to imitate a name. @param {string} text */
export const mixesScripts = (text) =>
  text.split(/[^\p{L}\p{M}\p{N}]+/u).some((w) => [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u].filter((s) => s.test(w)).length > 1);

/** Someone else's words. @param {string} text @param {string} [lang] */
export const others = (text, lang) =>
  html`<bdi lang=${lang}>${text}</bdi>${mixesScripts(text) ? html` <span class="badge warn">${t("text.mixed_scripts")}</span>` : ""}`;

/** A panel's head with its key. @param {string} title @param {string} key @param {unknown} [more] */
export const head = (title, key, more = "") =>
  html`<h2><span>${title}</span> ${more}<span class="grow"></span><kbd>${key}</kbd></h2>`;

/** A button that is also a key. @param {string} label @param {() => void} act @param {Record<string, any>} [more] */
export const button = (label, act, more = {}) => html`<button type="button" onClick=${act} ...${more}>${label}</button>`;
