// One act before it is said: what it is about, and its fields. What binds the party is then shown whole, once, with its
// digest, where one more sign-in is asked for (`step-up.js`).

import { html } from "../html.js";
import { state, update } from "../store.js";
import { t, word } from "../i18n.js";
import { tellBad } from "../notice.js";
import { others, party, partyName } from "../words.js";
import { FORMS, actOf, isComplete, isRead } from "./act-forms.js";
import { sayAtTable } from "./load.js";
import { handsField } from "./report-form.js";

/** @typedef {Record<string, any>} Row */

/** @type {HTMLDialogElement | null} */
let dialog = null;

const open = (/** @type {HTMLDialogElement | null} */ element) => {
  dialog = element;
  if (dialog && !dialog.open) dialog.showModal();
};

/** Say what the form holds, once however often it is pressed; what the node answers is told here, or on the page when this form is closed. @param {Event} event */
async function say(event) {
  event.preventDefault();
  const given = state.act;
  if (!given || given.underWay || !isComplete(given)) return;
  const underWay = {};
  const said = given.said ?? actOf(given); // unchanged it is the same act, to the millisecond
  change({ underWay, said, refusal: "" });
  const refusal = await sayAtTable(said);
  const isThis = state.act?.underWay === underWay;
  if (refusal && !isThis) return tellBad(refusal, "at_table");
  if (refusal) return change({ refusal, underWay: null });
  if (given.isDrawn) update({ volume: null }); // what stands at the table is drawn from there
  if (isThis) dialog?.close();
}

// What is in the form now, not at its last drawing: two fields may change between two drawings.
const change = (/** @type {Row} */ more) => state.act && update({ act: { ...state.act, ...more } });

export function actDialog() {
  const draft = state.act;
  if (!draft) return "";
  return html`<dialog ref=${open} class="act-dialog" aria-labelledby="act-head" onClose=${() => update({ act: null })}>
    <form id="act-form" onSubmit=${say}><h2 id="act-head">${t(`does.${draft.act}`)}</h2>
      <p>${party(state.board?.party ?? null)} ${word("role", state.session.role)} ${draft.about && html`· ${others(draft.about)}`}</p>
      ${FORMS[draft.act].map((field) => asked(field, draft.values))}
      ${draft.shown?.whole}
      ${draft.act === "proposal.counter" && carried(draft.shown.kept)}
      ${draft.refusal && html`<p class="text-alarm" role="alert">${others(draft.refusal)}</p>`}
      <div class="line"><span class="grow"></span><button type="button" onClick=${() => dialog?.close()}>${t("act.close")}</button><button class="main" disabled=${!isComplete(draft)}>${t(`does.${draft.act}`)}</button></div>
    </form></dialog>`;
}

/** What a new version takes over unchanged from the one it answers. @param {Row} kept */
const carried = (kept) => html`<p class="muted">${t("table.carried")}</p>
  <ul>${kept.details.map((/** @type {Row} */ d) => html`<li key=${d.key}>${others(d.title)}</li>`)}</ul>
  ${Object.entries(kept.promises).map(([who, what]) => html`<p key=${who}>${party(who)}: ${others(what)}</p>`)}`;

/** @param {Row} field @param {Row} values */
function asked(field, values) {
  const { name, kind, optional } = field;
  const id = `act-${name}`;
  const set = (/** @type {(now: any) => any} */ next) => change({ values: { ...state.act?.values, [name]: next(state.act?.values[name] ?? []) }, said: null, refusal: "" });
  const put = (/** @type {any} */ e) => set(() => e.target.value);
  if (kind === "hands") return handsField(values[name] ?? [], set);
  if (kind === "parties") return several(field, values[name] ?? [], set);
  const value = values[name] ?? "";
  const options = field.from?.() ?? field.options;
  const said = { key: t("field.key_what"), number: t("field.number_what"), instant: t("field.instant_what"), place: t("field.place_what") }[/** @type {string} */ (kind)];
  return html`<div key=${name} class="asked"><label for=${id}>${t(`field.${name}`)}${optional ? ` (${t("table.optional")})` : ""}</label>
    ${kind === "choice" && html`<select id=${id} value=${value} onChange=${put}>${(optional || !value ? ["", ...options] : options).map((/** @type {string} */ o) => html`<option key=${o} value=${o} selected=${o === value}>${o ? named(field, o) : "-"}</option>`)}</select>${field.from && !options.length && html`<p class="small muted">${t(`field.no_${name}`)}</p>`}`}
    ${(kind === "line" || said) && html`<input id=${id} maxlength=${kind === "line" ? 120 : 40} autocomplete="off" spellcheck=${kind === "line" ? undefined : false} aria-invalid=${String(!isRead(field, value.trim()))} aria-describedby=${said ? `${id}-what` : undefined} value=${value} onInput=${put} />`}
    ${said && html`<p id=${`${id}-what`} class=${isRead(field, value.trim()) ? "small muted" : "small text-warning"}>${said}</p>`}
    ${["words", "lines", "document"].includes(kind) && html`<textarea id=${id} rows=${kind === "document" ? 12 : 4} maxlength=${kind === "document" ? 100000 : 2000} value=${value} onInput=${put}></textarea>`}</div>`;
}

/** @param {Row} field @param {string} option */
function named(field, option) {
  if (field.named) return field.named(option);
  switch (field.list) {
    case "hours": return t(`hours.${option}`);
    case "tlp": return t(`tlp.${option}`);
    case "consents": return t(`consents.${option}`);
    default: return word(field.list, option);
  }
}

/** Any number of parties. @param {Row} field @param {string[]} chosen as they are drawn @param {(next: (chosen: string[]) => string[]) => void} set */
const several = ({ name, from }, chosen, set) => html`<fieldset key=${name} id=${`act-${name}`}><legend>${t(`field.${name}`)} (${t("table.optional")})</legend>
  <div class="line">${from().map((/** @type {string} */ one) => html`<label key=${one} class="tick"><input type="checkbox" value=${one} checked=${chosen.includes(one)} onChange=${(/** @type {any} */ e) => set((now) => (e.target.checked ? [...now, one] : now.filter((other) => other !== one)))} /> <bdi>${partyName(one)}</bdi></label>`)}</div></fieldset>`;
