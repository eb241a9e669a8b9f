// A coarse place: the cell of a tenth of a degree by its south-west corner; a point only where one was given.

import { t } from "../i18n.js";
import { position } from "../format.js";
import { html } from "../html.js";

/** @param {number[] | null} area tenths of a degree @param {number[] | null} [point] ten-thousandths of a degree */
export function cell(area, point = null) {
  if (point) return html`<span class="num">${position(point[0] / 1e4, point[1] / 1e4)}</span>`;
  if (area) return html`<span>${t("table.cell")} <span class="num">${position(area[0] / 10, area[1] / 10)}</span></span>`;
  return t("table.no_place");
}
