// A policy's rule as a sentence in the desk's language. A condition that this desk does not know is shown as it is
// written in the policy: never left out, for a rule without one of its conditions would be another rule.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others } from "../words.js";

/** @typedef {import("../types.js").RuleRow} RuleRow */
/** @typedef {import("../types.js").PrecisionRow} PrecisionRow */

/** @param {string} id */
const zoneName = (id) => state.zones.find((zone) => zone.zone === id)?.name ?? id;

/** @param {string[]} names */
const list = (names) => names.join(", ");

/** Condition → its words. @type {Record<string, (value: any) => unknown>} */
const SAID = {
  areas: (names) => t("when.areas", { names: list(names) }),
  altitude_from_ft: (ft) => t("when.altitude_from_ft", { ft }),
  altitude_below_ft: (ft) => t("when.altitude_below_ft", { ft }),
  identities: (names) => t("when.identities", { names: list(names) }),
  callsigns: (names) => t("when.callsigns", { names: list(names) }),
  categories: (names) => t("when.categories", { names: list(names) }),
  declared_by: (who) => t(`when.declared_${who}`),
  line: ({ zone, within_nm, side }) => `${t("when.line", { nm: within_nm, line: zoneName(zone) })}${side && side !== "either" ? `, ${t(`when.side_${side}`)}` : ""}`,
  emergency: (is) => t(is ? "when.emergency" : "when.no_emergency"),
  from_utc: (at) => t("when.from_utc", { at }),
  until_utc: (at) => t("when.until_utc", { at }),
  daily: ({ start, end, days }) => `${t("when.daily", { start, end })}${days ? ` (${list(days)})` : ""}`,
  link: (states) => t("when.link", { states: states.map((/** @type {string} */ one) => word("state", one)).join(", ") }),
  arrangement: (states) => t("when.arrangement", { states: states.map((/** @type {string} */ one) => word("arrangement", one)).join(", ") }),
};

/** When a rule fits, condition by condition. @param {RuleRow} rule */
export function when(rule) {
  const given = Object.entries(rule.when).filter(([, value]) => value !== null);
  if (!given.length) return html`<span>${t("when.always")}</span>`;
  return html`<ul class="when">${given.map(([name, value]) => html`<li key=${name}>${Object.hasOwn(SAID, name) ? others(String(SAID[name](value))) : code(`${name}: ${JSON.stringify(value)}`, "whole")}</li>`)}</ul>`;
}

/** What a rule gives, and how coarse. @param {RuleRow} rule */
export function gives(rule) {
  if (rule.effect === "withhold" || !rule.precision) return t("gives.nothing");
  const { position_grid_m, altitude_step_ft, delay_s, every_s } = rule.precision;
  const coarse = [
    position_grid_m > 0 && t("gives.grid", { m: position_grid_m }),
    altitude_step_ft > 0 && t("gives.step", { ft: altitude_step_ft }),
    delay_s > 0 && t("gives.delay", { s: delay_s }),
    every_s > 0 && t("gives.every", { s: every_s }),
  ].filter(Boolean);
  return `${rule.fields.map((field) => word("gives", field)).join(", ")}${coarse.length ? ` · ${coarse.join(" · ")}` : ` · ${t("gives.exact")}`}`;
}
