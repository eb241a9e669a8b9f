// What a newcomer sees, walked through once: each step names a part of the desk and lights it. Skippable, and never again.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t } from "./i18n.js";

const SEEN = "detente.first-run";
const STEPS = /** @type {const} */ ([
  ["clearance", "#top", "top.not_a_clearance"], ["strip", "#strip", "strip.name"], ["queue", "#left", "alerts.title"], ["map", "#map", "map.landmark"],
  ["hotline", "#right", "hotline.title"], ["release", "#right", "pages.title"], ["tables", "#top", "table.title"], ["keys", "#top", "help.title"],
]);

/** @type {HTMLDialogElement | null} */
let dialog = null;

const open = (/** @type {HTMLDialogElement | null} */ element) => {
  dialog = element;
  if (dialog && !dialog.open) dialog.show();
};

/** Begin, unless somebody at this browser has seen or skipped it, or it is a wall. */
export function greet() {
  if (state.isWall) return; // nobody is there to press Skip
  try {
    if (localStorage.getItem(SEEN) !== null) return;
  } catch {
    return; // a browser that keeps nothing would be greeted for ever
  }
  update({ tour: 0 });
}

function end() {
  try {
    localStorage.setItem(SEEN, new Date().toISOString());
  } catch {
    // it was read once; that is enough
  }
  light(null);
  update({ tour: null });
}

/** @param {string | null} selector */
function light(selector) {
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  if (selector) document.querySelector(selector)?.classList.add("lit");
}

export function firstRun() {
  if (state.tour === null || !state.session.role) return "";
  const [name, part, title] = STEPS[state.tour];
  const last = state.tour === STEPS.length - 1;
  light(part);
  return html`<dialog ref=${open} id="first-run" class="first-run" aria-labelledby="first-run-title" onClose=${end} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Escape" && dialog?.close()}>
    <h2 id="first-run-title">${t(title)}</h2><p>${t(`tour.${name}`)}</p>
    <div class="line"><span class="muted small">${state.tour + 1} / ${STEPS.length}</span><span class="grow"></span>
      <button type="button" id="tour-skip" onClick=${() => dialog?.close()}>${t("tour.skip")}</button>
      ${state.tour > 0 && html`<button type="button" onClick=${() => update({ tour: state.tour - 1 })}>${t("tour.back")}</button>`}
      <button type="button" class="main" id="tour-next" autofocus onClick=${() => (last ? dialog?.close() : update({ tour: state.tour + 1 }))}>${t(last ? "tour.done" : "tour.next")}</button></div>
  </dialog>`;
}
