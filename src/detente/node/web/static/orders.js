// Orders go to the node as requests of their own; the answer or the refusal comes back in words. What binds the party,
// and FLASH, the node lets through only after one more sign-in for this very order.

import { state, update } from "./store.js";
import { t } from "./i18n.js";
import { NO_ANSWER, Refusal, ask, isReadOnly, post } from "./ask.js";
import { tellBad, tellNoMore } from "./notice.js";
import { stepUp } from "./step-up.js";

export { ask, isReadOnly } from "./ask.js";

/** Orders that the node has not answered yet, by who gave them and their bodies: one that is given again meanwhile is the same order. @type {Map<string, Promise<any>>} */
const underWay = new Map();

/** The keys of orders whose answer was lost, in the same way: given again, such an order is done once. @type {Map<string, string>} */
const lost = new Map();
const LOST_MAX = 100;

/** Send *order*, with one more sign-in where the node asks for it. @param {Record<string, any>} order @returns {Promise<any>} throws Refusal */
export function send(order) {
  const body = JSON.stringify(order);
  const name = `${state.session.account} ${body}`; // the same words from another seat are another's order
  const before = underWay.get(name);
  if (before) return before;
  const way = sent(order, body, name).finally(() => underWay.delete(name));
  underWay.set(name, way);
  return way;
}

const LEFT = "left";

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {Record<string, any>} order @param {string} body @param {string} name @returns {Promise<any>} */
async function sent(order, body, name) {
  const key = lost.get(name) ?? newKey();
  lost.delete(name);
  const once = (/** @type {string} */ grant) => ask("/api/orders", { method: "POST", body, headers: { "idempotency-key": key, "x-detente-step-up": grant } });
  let grant = "";
  for (;;) {
    try {
      return await once(grant);
    } catch (fault) {
      const code = /** @type {import("./ask.js").Refusal} */ (fault).code;
      if (code === NO_ANSWER) lost.set(name, key);
      if (lost.size > LOST_MAX) lost.delete(lost.keys().next().value ?? "");
      const isNew = code === "locked" || (code === "step_up_needed" && !grant);
      if (!isNew || order.order === "displayed") throw fault;
      const found = await stepUp(code === "locked" ? null : order, body).catch((/** @type {Error} */ { message }) => {
        throw new Refusal({ detail: message }); // that nobody answered this leaves no doubt about the order
      });
      if (found === null) throw new Refusal({ code: LEFT, detail: t("step.left") });
      grant = found;
    }
  }
}

/** Give an order; a refusal is shown, never thrown. @param {Record<string, any>} given @returns {Promise<boolean>} */
export async function give(given) {
  const of = `${given.order} ${given.alert ?? given.message ?? given.subject ?? ""}`;
  try {
    await send(given);
    tellNoMore(of);
    return true;
  } catch (fault) {
    const isOurs = given.order === "displayed"; // no person gave it: it takes the place of nothing that was told
    if (isOurs && (isReadOnly() || state.notice)) return false; // and a past row that is painted was not displayed now
    tellBad(whyNot(fault), of);
    return false;
  }
}

/** Why an order is not known to be done, in words: what was not answered was not refused. @param {unknown} fault */
export function whyNot(fault) {
  const { code, message } = /** @type {import("./ask.js").Refusal} */ (fault);
  if (code === NO_ANSWER) return t("order.not_known");
  return code === LEFT ? message : `${t("order.refused")}: ${message}`;
}

/** Take a seat with a demo account. @param {string} role */
export async function signIn(role) {
  update({ session: await post("/api/session", { role }) });
}

/** @param {string} alert */
export const acknowledge = (alert) => give({ order: "acknowledge", alert });

/** Which map is wanted now: an answer about one that was wanted before is dropped. */
let wanted = 0;

/** Show the map as *peer* sees us, or our own again with null. @param {string | null} peer @param {(bytes: ArrayBuffer) => any} read */
export async function previewOf(peer, read) {
  const mine = ++wanted;
  if (peer === null) {
    update({ preview: null });
    return;
  }
  try {
    const answer = await ask(`/api/preview?peer=${encodeURIComponent(peer)}`);
    if (mine !== wanted || state.replay) return;
    const bytes = Uint8Array.from(atob(answer.frame), (c) => c.charCodeAt(0));
    tellNoMore("preview");
    update({ preview: { peer, tracks: read(bytes.buffer), withheld: answer.withheld } });
  } catch (fault) {
    if (mine === wanted) tellBad(/** @type {Error} */ (fault).message, "preview");
  }
}
