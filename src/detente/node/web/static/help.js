// The key map and what the signs mean, in one dialog.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t } from "./i18n.js";
import { KEYS } from "./keys.js";
import { levelMark, partyMark } from "./marks.js";

/** @type {HTMLDialogElement | null} */
let dialog = null;

const open = (/** @type {HTMLDialogElement | null} */ element) => {
  dialog = element;
  if (dialog && !dialog.open) dialog.showModal();
};

export function help() {
  if (!state.help) return "";
  return html`<dialog ref=${open} class="help" aria-label=${t("help.title")} onClose=${() => update({ help: false })}>
    <h2>${t("help.title")} <span class="grow"></span><button type="button" onClick=${() => dialog?.close()}>${t("act.close")}</button></h2>
    <p><b>${t("top.not_a_clearance")}.</b> ${t("help.what")}</p>
    <div class="two"><dl class="keys">${KEYS.map(([key, name]) => html`<div key=${key}><dt><kbd>${key === " " ? "Space" : key.length === 1 ? key : key}</kbd></dt><dd>${t(`key.${name}`)}</dd></div>`)}
      <div><dt><kbd>W A S D</kbd></dt><dd>${t("key.pan")}</dd></div></dl>
    <dl class="signs">
      ${(state.board?.parties ?? []).map((/** @type {any} */ p, /** @type {number} */ i) => html`<div key=${p.id}><dt>${partyMark(i)}</dt><dd>${t("sign.declared_by")} <bdi>${p.name}</bdi></dd></div>`)}
      <div><dt>${partyMark(-1)}</dt><dd>${t("sign.nobody")}</dd></div>
      <div><dt>${levelMark("alarm")}</dt><dd>${t("sign.alarm")}</dd></div>
      <div><dt>${levelMark("warning")}</dt><dd>${t("sign.warning")}</dd></div>
      <div><dt>${levelMark("caution")}</dt><dd>${t("sign.caution")}</dd></div>
      <div><dt><b class="num">?</b></dt><dd>${t("sign.not_assessed")}</dd></div>
      <div><dt><b class="num">~14s</b></dt><dd>${t("sign.stale")}</dd></div>
      <div><dt><b class="under">_</b></dt><dd>${t("sign.shared")}</dd></div>
    </dl></div>
  </dialog>`;
}
