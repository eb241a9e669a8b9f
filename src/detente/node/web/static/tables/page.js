// The tables' page: which tables there are, and everything that stands at the open one.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others } from "../words.js";
import { briefs, openBrief } from "./load.js";
import { parties, stateBadge } from "./pieces.js";
import { LEVEL, arrangement } from "./arrangement.js";
import { watches } from "./watches.js";
import { refusals, trouble } from "./trouble.js";
import { activities } from "./activities.js";
import { proposals } from "./proposals.js";
import { decisions } from "./decisions.js";
import { incidents } from "./incidents.js";
import { reports } from "./reports.js";
import { ceasefires } from "./ceasefires.js";
import { wordsAndConduct } from "./words-and-conduct.js";
import { differences } from "./differences.js";

/** @typedef {Record<string, any>} Row */

/** @param {{showMap: () => void, changeActivity: (row: Row) => void, givePlace: (row: Row) => void, newActivity: () => void}} acts */
export function tables(acts) {
  const brief = openBrief();
  const view = state.table.view?.brief.table === brief?.table ? state.table.view : null;
  return html`<header class="table-head"><div class="line"><h1>${t("table.title")}</h1>${briefs().map((one) => chooser(one, brief))}<span class="grow"></span>${state.lang !== "en" && html`<span class="text-caution">${t("top.draft_translation")}</span>`}<button type="button" onClick=${acts.showMap}>${t("table.to_map")} <kbd>3</kbd></button></div>
      ${brief && summary(brief)}
      ${state.table.fault && html`<p class="text-alarm" role="alert">${t("table.not_read")} ${others(state.table.fault, "en")}</p>`}
      ${!brief && html`<p class="empty">${t("table.no_tables")}</p>`}</header>
    ${view && html`<div class="table-columns">
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("table.column_arrangement")}>${trouble(view)}${arrangement(view)}${watches(view)}${differences(view)}${refusals(view)}</div>
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("table.column_talks")}>${proposals(view)}${activities(view, acts)}${decisions(view)}</div>
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("table.column_events")}>${incidents(view)}${ceasefires(view)}${reports(view)}${wordsAndConduct(view)}</div></div>`}`;
}

/** @param {Row} one @param {Row | undefined} open */
const chooser = (one, open) => html`<button key=${one.table} type="button" aria-pressed=${one.table === open?.table} onClick=${() => update({ table: { ...state.table, chosen: one.table, fault: null } })}><bdi>${one.title}</bdi></button>`;

/** @param {Row} brief */
const summary = (brief) => html`<p class="summary">${stateBadge(word("arrangement", brief.state), LEVEL[brief.state])}
  ${brief.contradictions > 0 && stateBadge(t("table.contradictions"), "bad")}
  ${brief.overdue > 0 && stateBadge(`${t("table.overdue")} ${brief.overdue}`, "warn")}
  ${brief.refused > 0 && stateBadge(`${t("table.refusals")} ${brief.refused}`, "warn")}
  <span>${parties(brief.members)}</span>
  ${brief.nobody_on_watch.length > 0 && html`<span class="text-caution">${t("table.nobody")} ${parties(brief.nobody_on_watch)}</span>`}
  <span class="muted">${t("table.topic")}</span> ${others(brief.topic)}
  <span class="muted">${t("table.same_digest")}</span> ${code(brief.digest.slice(0, 16))}</p>`;
