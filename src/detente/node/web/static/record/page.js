// The page on the links and the record: how each peer is and was, what the logs hold, checked here, and taken away.

import { html } from "../html.js";
import { state } from "../store.js";
import { t } from "../i18n.js";
import { others } from "../words.js";
import { dossier } from "./dossier.js";
import { leaves } from "./leaves.js";
import { grave, links } from "./links.js";

/** @param {{showMap: () => void}} acts */
export function record(acts) {
  return html`<header class="table-head"><div class="line"><h1>${t("record.title")}</h1><span class="grow"></span>${state.lang !== "en" && html`<span class="text-caution">${t("top.draft_translation")}</span>`}<button type="button" onClick=${acts.showMap}>${t("table.to_map")} <kbd>3</kbd></button></div>
      ${state.record.fault && html`<p class="text-alarm" role="alert">${t("record.not_read")} ${others(state.record.fault, "en")}</p>`}</header>
    ${grave()}
    <div class="table-columns record-columns">
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("record.column_links")}>${links()}</div>
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("record.column_logs")}>${leaves()}</div>
      <div class="table-column scrolls" tabindex="0" role="region" aria-label=${t("record.column_dossier")}>${dossier()}</div></div>`;
}
