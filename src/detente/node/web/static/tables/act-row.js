// What the seat of this session may do here: buttons; and for what it may not, whose it is, in words.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t, word } from "../i18n.js";
import { tellBad } from "../notice.js";
import { actOf } from "./act-forms.js";
import { sayAtTable } from "./load.js";

/** @typedef {Record<string, any>} Row */

/** @param {string} act @returns {Row | undefined} its line of the matrix */
export const powerOf = (act) => state.table.powers?.find((/** @type {Row} */ row) => row.act === act);

/** The seats that may do *act* at this table: for a signature the charter names some of them. @param {string} act @returns {string[]} */
const seatsFor = (act) => {
  const seats = powerOf(act)?.seats ?? [];
  const signers = state.table.view?.signers ?? [];
  return act === "proposal.sign" ? seats.filter((/** @type {string} */ seat) => signers.includes(seat)) : seats;
};

/** Open the act's form; a signature has nothing to fill in: what it is under is read beside the passkey. @param {Row} one */
async function begin(one) {
  if (one.begins) return one.begins();
  const draft = { fixed: {}, about: "", ...one, values: one.values ?? {}, refusal: "" };
  if (one.act !== "proposal.sign") return update({ act: draft });
  const refusal = await sayAtTable(actOf(draft));
  if (!refusal || refusal === t("step.left")) return;
  if (state.act) tellBad(refusal, "at_table"); // another form is being filled in by now
  else update({ act: { ...draft, refusal } });
}

/**
 * Each act with what it is about: `fixed` goes with the order as it is, `shown` is laid before the person first;
 * what is prepared elsewhere than in a form `begins` there.
 * @param {{act: string, fixed?: Row, shown?: Row, about?: string, values?: Row, begins?: () => void}[]} offered
 */
export function actRow(offered) {
  const role = state.session.role;
  const may = offered.filter((one) => seatsFor(one.act).includes(role));
  const mayNot = offered.filter((one) => !may.includes(one));
  return html`<div class="acts">${may.map((one) => html`<button key=${one.act} type="button" data-act=${one.act} onClick=${() => begin(one)}>${t(`does.${one.act}`)}…</button>`)}
    ${mayNot.length > 0 && html`<span class="small muted not-yours">${t("table.not_yours")} ${mayNot.map((one) => html`<span key=${one.act}>${t(`does.${one.act}`)}: ${seatsFor(one.act).map((seat) => word("role", seat)).join(", ")}. </span>`)}</span>`}</div>`;
}
