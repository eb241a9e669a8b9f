// The filter of the map and of its list: level band, speed, who declared it, not assessed, emergency.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t } from "../i18n.js";
import { EVERYTHING } from "./filter.js";
import { NOBODY } from "./display-list.js";

/** @param {Partial<import("./filter.js").Filter>} change */
const put = (change) => update({ filter: { ...state.filter, ...change } });

/** @param {string} text @param {number} unit */
const figure = (text, unit) => (text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text) * unit);

/** @param {string} name @param {"lowFt" | "highFt" | "slowKt" | "fastKt"} key @param {number} unit */
function bound(name, key, unit) {
  const value = state.filter[key];
  return html`<label>${t(`filter.${name}`)} <input id=${`filter-${name}`} inputmode="numeric" size="4" maxlength="4" value=${value === null ? "" : value / unit} onInput=${(/** @type {any} */ e) => put({ [key]: figure(e.target.value, unit) })} /></label>`;
}

export function filterPanel() {
  const { filter, board } = state;
  const flag = (/** @type {"unjudged" | "emergency"} */ name) => html`<button type="button" aria-pressed=${filter[name]} onClick=${() => put({ [name]: !filter[name] })}>${t(`filter.${name}`)}</button>`;
  const choose = (/** @type {any} */ e) => put({ declaredBy: e.target.value === "" ? null : Number(e.target.value) });
  return html`<section class="filtering" aria-label=${t("filter.title")}>
    ${bound("low", "lowFt", 100)}${bound("high", "highFt", 100)}${bound("slow", "slowKt", 1)}${bound("fast", "fastKt", 1)}
    <label>${t("track.declared_by")} <select id="filter-party" value=${filter.declaredBy ?? ""} onChange=${choose}><option value="" selected=${filter.declaredBy === null}>${t("filter.anyone")}</option>
      ${(board?.parties ?? []).map((/** @type {any} */ p, /** @type {number} */ k) => html`<option key=${p.id} value=${k} selected=${filter.declaredBy === k}>${p.name}</option>`)}
      <option value=${NOBODY} selected=${filter.declaredBy === NOBODY}>${t("party.nobody")}</option></select></label>
    ${flag("unjudged")}${flag("emergency")}
    <button type="button" onClick=${() => update({ filter: { ...EVERYTHING } })}>${t("filter.none")}</button>
    <button type="button" onClick=${() => update({ filtering: false })}>${t("act.close")}</button>
  </section>`;
}
