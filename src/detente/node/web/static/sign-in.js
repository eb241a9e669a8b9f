// Who sits here: signing in, the first passkey from a one-time address, the lock, and the list of sessions.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t, word, LANGUAGES } from "./i18n.js";
import { code, others } from "./words.js";
import { nodeNow } from "./clock.js";
import { age } from "./format.js";
import { ask, post } from "./ask.js";
import { notice, tellBad, tellNoMore } from "./notice.js";
import { signIn } from "./orders.js";
import { stepUp } from "./step-up.js";
import { hasPasskeys, makePasskey, usePasskey } from "./passkey.js";

/** @typedef {Record<string, any>} Row */

const TELL_MS = 20_000;

/** @param {HTMLDialogElement | null} element */
const open = (element) => {
  if (element && !element.open) element.showModal();
};

/** @type {HTMLDialogElement | null} */
let list = null;
const openList = (/** @type {HTMLDialogElement | null} */ element) => {
  list = element;
  open(element);
};

/** The one-time code of an enrolment address; it is taken out of the address line at once. */
export function takeCode() {
  const enrol = new URLSearchParams(location.hash.slice(1)).get("enrol");
  if (enrol === null) return;
  history.replaceState(null, "", location.pathname);
  update({ enrol });
}

/** @param {() => Promise<any>} act */
async function tried(act) {
  update({ door: { busy: true, refusal: "" } });
  try {
    update({ session: await act(), enrol: null, door: { busy: false, refusal: "" } });
  } catch (fault) {
    update({ door: { busy: false, refusal: /** @type {Error} */ (fault).message } });
  }
}

const enter = () =>
  tried(async () => {
    const { options } = await post("/api/sign-in/options");
    return post("/api/sign-in", { credential: await usePasskey(options) });
  });

const enrol = () =>
  tried(async () => {
    const { options } = await post("/api/passkeys/options", { code: state.enrol });
    return post("/api/passkeys", { code: state.enrol, credential: await makePasskey(options) });
  });

/** Nobody sits here: the way in, over everything. A browser closes it at the second Escape whatever is said to the first. @param {{speak: (lang: string) => void}} acts */
export function signInPage(acts) {
  const { session, door } = state;
  if (!session.kind || (session.role && !state.enrol)) return "";
  return html`<dialog ref=${open} id="sign-in" class="sign-in" aria-labelledby="sign-in-title" onCancel=${(/** @type {Event} */ e) => e.preventDefault()} onClose=${(/** @type {any} */ e) => open(e.currentTarget)}>
    <h2 id="sign-in-title"><bdi>Détente</bdi> <span class="grow"></span>
      <label class="unseen" for="sign-in-lang">${t("top.language")}</label>
      <select id="sign-in-lang" value=${state.lang} onChange=${(/** @type {any} */ e) => acts.speak(e.target.value)}>${LANGUAGES.map((l) => html`<option key=${l} value=${l} selected=${l === state.lang} lang="zxx" translate=${false}>${l}</option>`)}</select></h2>
    <p><b>${t("top.not_a_clearance")}.</b></p>
    ${way(session)}
    ${door.refusal && html`<p class="text-alarm" role="alert">${others(door.refusal, "en")}</p>`}
  </dialog>`;
}

/** @param {Row} session */
function way(session) {
  const busy = state.door.busy;
  if (session.kind === "demo") {
    return html`<p class="text-warning">${t("door.demo")}</p><div class="seats">${session.roles.map((/** @type {string} */ role) => html`<button key=${role} type="button" disabled=${busy} onClick=${() => tried(async () => (await signIn(role), state.session))}>${word("role", role)}</button>`)}</div>`;
  }
  if (session.kind === "oidc") {
    return html`<p>${t("door.provider")}</p><div class="line"><span class="grow"></span><button type="button" class="main" autofocus onClick=${() => location.assign("/api/oidc/start")}>${t("door.use_provider")}</button></div>`;
  }
  if (!hasPasskeys()) return html`<p class="text-alarm" role="alert">${t("door.no_passkeys")}</p>`;
  return state.enrol
    ? html`<p>${t("door.first")}</p><div class="line"><span class="grow"></span><button type="button" class="main" id="make-passkey" autofocus disabled=${busy} onClick=${enrol}>${t("door.make")}</button></div>`
    : html`<p>${t("door.passkey")}</p><div class="line"><span class="grow"></span><button type="button" class="main" id="use-passkey" autofocus disabled=${busy} onClick=${enter}>${t("door.use_passkey")}</button></div>`;
}

/** The session is locked: the desk stays as it is, and says so. */
export const lockBanner = () =>
  state.session.role && state.session.locked
    ? html`<div id="lock" class="lock" role="status"><b>${t("lock.title")}</b> <span>${t("lock.what")}</span> <button type="button" class="main" id="unlock" onClick=${() => stepUp(null, "").catch(shown)}>${t("lock.open")}</button></div>`
    : "";

const shown = (/** @type {Error} */ fault) => tellBad(fault.message, "sessions");

/** Take over what the node says of who sits here; what it says of a seat that was left meanwhile is true no more. @param {() => Promise<any>} asked */
export async function hearOfSession(asked) {
  const before = state.session.session;
  const session = await asked();
  if (state.session.session === before && JSON.stringify(session) !== JSON.stringify(state.session)) update({ session });
}

/** Tell the node that a person is at the desk, and hear whether the session is locked or ended meanwhile. */
export function keepSession() {
  let acted = false;
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) addEventListener(kind, () => (acted = true), { passive: true, capture: true });
  setInterval(async () => {
    if (!state.session.role) return;
    const told = acted;
    acted = false;
    try {
      await hearOfSession(() => (told ? post("/api/session/active") : ask("/api/session")));
    } catch {
      // The live line says that the node is away; a session that has ended is taken out by `ask`.
    }
  }, TELL_MS);
}

// --- the list of sessions

/** @param {string} path @param {string} [method] */
async function refresh(path = "/api/sessions", method = "GET") {
  try {
    update({ sessions: await ask(path, { method }) });
    tellNoMore("sessions");
  } catch (fault) {
    shown(/** @type {Error} */ (fault));
  }
}

export const showSessions = () => refresh();

async function leave() {
  try {
    update({ sessions: null, session: await ask("/api/session", { method: "DELETE" }) });
  } catch (fault) {
    shown(/** @type {Error} */ (fault));
  }
}

export function sessionsDialog() {
  const rows = state.sessions;
  if (!rows) return "";
  const keeps = ["supervisor", "duty_officer"].includes(state.session.role);
  return html`<dialog ref=${openList} class="sessions" aria-labelledby="sessions-title" onClose=${() => update({ sessions: null })}>
    <h2 id="sessions-title">${t("sessions.title")} <span class="grow"></span><button type="button" onClick=${() => list?.close()}>${t("act.close")}</button></h2>
    <p class="muted">${t(keeps ? "sessions.all" : "sessions.own")}</p>
    <ul class="rows scrolls" tabindex="0" aria-label=${t("sessions.title")}>${rows.map(row)}</ul>
    ${notice()}
    <div class="line"><button type="button" id="end-mine" onClick=${() => refresh("/api/sessions", "DELETE")}>${t("sessions.end_mine")}</button>
      ${keeps && html`<button type="button" id="end-all" onClick=${() => refresh("/api/sessions?everybody=true", "DELETE")}>${t("sessions.end_all")}</button>`}
      <span class="grow"></span><button type="button" id="sign-out" onClick=${leave}>${t("sessions.leave")}</button></div>
  </dialog>`;
}

/** @param {Row} one */
const row = (one) => html`<li key=${one.session} class="session">
  <div class="first"><b><bdi>${one.name}</bdi></b> ${word("role", one.role)} ${code(one.session)} ${one.this && html`<span class="badge good">${t("sessions.this")}</span>`} ${one.locked && html`<span class="badge warn">${t("lock.title")}</span>`}<span class="grow"></span>
    ${!one.this && html`<button type="button" data-end=${one.session} onClick=${() => refresh(`/api/sessions/${one.session}`, "DELETE")}>${t("sessions.end")}</button>`}</div>
  <div class="small muted">${t("sessions.acted", { ago: age(one.acted_ms, nodeNow()) })} · ${others(one.agent, "en")}</div></li>`;
