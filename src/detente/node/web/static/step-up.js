// One more sign-in for one order: the whole of it and its digest first, then the passkey. What the passkey opens is this
// order and no other. Without an order it opens the lock of a session that nobody has acted in for a while.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t, word } from "./i18n.js";
import { code, others, party } from "./words.js";
import { post } from "./ask.js";
import { usePasskey } from "./passkey.js";

/** @typedef {Record<string, any>} Row */

const AGAIN_MS = 1000;

/** @type {HTMLDialogElement | null} */
let dialog = null;

const open = (/** @type {HTMLDialogElement | null} */ element) => {
  dialog = element;
  if (dialog && !dialog.open) dialog.showModal();
};

/** @param {string} body */
async function digestOf(body) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Ask the person for one more sign-in; null when they left. One is asked at a time.
 * @param {Row | null} order null: to open the lock @param {string} body the order as it is sent @returns {Promise<string | null>} the grant
 */
export async function stepUp(order, body) {
  if (state.step) return null;
  const digest = order && (await digestOf(body));
  const asked = await post("/api/step-up/options", { order_digest: digest });
  if (state.step) return null; // another order was first
  return new Promise((done) => update({ step: { order, digest, asked, refusal: "", busy: false, done } }));
}

/** @param {string | null} grant */
function leave(grant) {
  const step = state.step;
  update({ step: null });
  if (grant !== null && step && step.order === null) update({ session: { ...state.session, locked: false } });
  step?.done(grant);
}

/** @param {Row} step */
async function prove(step) {
  if (state.step?.busy) return;
  const isThis = () => state.step?.done === step.done; // the person may have left, or be asked about another order by now
  update({ step: { ...step, busy: true, refusal: "" } });
  try {
    const proof = { order_digest: step.digest };
    const grant = await granted(step, proof, isThis);
    if (isThis()) leave(grant);
  } catch (fault) {
    const told = { ...step, busy: true, refusal: /** @type {Error} */ (fault).message };
    if (isThis()) update({ step: told });
    // A passkey's challenge is good once.
    const asked = isThis() && (await post("/api/step-up/options", { order_digest: step.digest }).catch(() => step.asked));
    if (isThis()) update({ step: { ...told, asked, busy: false } });
  }
}

/** @param {Row} step @param {Row} proof @param {() => boolean} isThis @returns {Promise<string | null>} */
async function granted(step, proof, isThis) {
  if (step.asked.kind === "demo") return (await post("/api/step-up", { ...proof, sure: true })).grant;
  if (step.asked.kind === "oidc") return fromProvider(step, proof, isThis);
  const credential = await usePasskey(step.asked.options);
  return (await post("/api/step-up", { ...proof, credential })).grant;
}

/** The provider asks the person in a window of its own; the node says when they have come back. @param {Row} step @param {Row} proof @param {() => boolean} isThis */
async function fromProvider(step, proof, isThis) {
  window.open(step.asked.address, "_blank", "noopener");
  for (;;) {
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    if (!isThis()) return null;
    try {
      return (await post("/api/step-up", proof)).grant;
    } catch (fault) {
      if (/** @type {import("./ask.js").Refusal} */ (fault).code !== "step_up_pending") throw fault;
    }
  }
}

export function stepDialog() {
  const step = state.step;
  if (!step) return "";
  const demo = step.asked.kind === "demo";
  return html`<dialog ref=${open} class="step" aria-labelledby="step-title" onClose=${() => state.step && leave(null)}>
    <h2 id="step-title">${step.order ? t("step.title") : t("lock.open")} ${demo && html`<span class="badge marked">DEMO</span>`}</h2>
    <p>${party(state.board?.party ?? null)} ${word("role", state.session.role)} ${!demo && html`<bdi>${state.session.name}</bdi>`}</p>
    ${step.order ? whole(step.order) : html`<p>${t("lock.what")}</p>`}
    ${step.digest && html`<p>${t("step.digest")} <span id="step-digest">${code(step.digest, "whole")}</span></p>`}
    ${step.order?.order === "at_table" && html`<p>${t("table.binds")}</p>`}
    ${demo ? html`<p class="text-warning">${t("step.demo")}</p>` : html`<p class="muted">${t(step.asked.kind === "oidc" ? "step.provider" : "step.passkey")}</p>`}
    ${step.refusal && html`<p class="text-alarm" role="alert">${others(step.refusal, "en")}</p>`}
    <div class="line"><span class="grow"></span><button type="button" onClick=${() => dialog?.close()}>${t("act.close")}</button>
      <button type="button" class="main" id="step-prove" disabled=${step.busy} onClick=${() => prove(step)}>${t(demo ? "step.sure" : step.asked.kind === "oidc" ? "step.use_provider" : "step.use_passkey")}</button></div>
  </dialog>`;
}

/** The order whole: what it is, for a signature the wording it is under, and every field of it. @param {Row} order */
function whole(order) {
  const act = order.act ?? order;
  const version = order.act?.act === "proposal.sign" && versionOf(order.act);
  return html`<h3 id="step-what">${order.act ? t(`does.${order.act.act}`) : t(`orders.${order.order}`)}</h3>
    ${version && wording(version)}
    <dl class="order-whole scrolls" tabindex="0">${fields(act, "")}</dl>`;
}

/** What a signature is under: the wording, the checklist, each side's promise, and the digest to be compared by voice. @param {Row} version */
const wording = (version) => html`<div id="act-text" class="written scrolls" tabindex="0" role="region" aria-label=${t("table.version", { n: version.number })}>${others(version.text)}</div>
  <ul>${version.details.map((/** @type {Row} */ d) => html`<li key=${d.key}>${others(d.title)} <b>${word("stance", d.stance)}</b></li>`)}</ul>
  ${Object.entries(version.promises).map(([who, what]) => html`<p key=${who}>${party(who)}: ${others(/** @type {string} */ (what))}</p>`)}
  <p>${t("table.digest")} <span id="act-digest">${code(version.digest, "whole")}</span> <span class="muted">${t("table.compare")}</span></p>`;

/** @param {Row} act @returns {Row | undefined} the version that is signed, as the table shows it, with the checklist as it stands */
function versionOf(act) {
  const proposal = (state.table.view?.proposals ?? []).find((/** @type {Row} */ p) => p.proposal === act.proposal);
  const version = proposal?.versions.find((/** @type {Row} */ v) => v.number === act.number);
  return version && { ...version, details: proposal.details };
}

/** @param {any} value @param {string} name @returns {any} each field by its name on the wire, however deep */
function fields(value, name) {
  if (value !== null && typeof value === "object") {
    return Object.entries(value).filter(([key]) => key !== "act" && key !== "order").map(([key, one]) => fields(one, name ? `${name}.${key}` : key));
  }
  return html`<div key=${name}><dt>${code(name)}</dt><dd>${value === null ? "-" : others(String(value))}</dd></div>`;
}
