// Orders go to the node as requests of their own; the answer or the refusal comes back in words.

import { state, update } from "./store.js";
import { t } from "./i18n.js";

/** In a replay, and on a wall, this page gives no order, whatever asks it to. */
export const isReadOnly = () => state.replay !== null || state.isWall;

/** @param {string} path @param {RequestInit} [how] @returns {Promise<any>} throws Error with the node's own words */
export async function ask(path, how = {}) {
  if (how.method && isReadOnly() && !(state.isWall && path === "/api/session")) throw new Error(t("order.read_only"));
  const headers = { "content-type": "application/json", "x-detente-token": state.session.token ?? "" };
  const answer = await fetch(path, { ...how, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? body.title);
  return body;
}

/** Put *order* to the node: the one way there is. @param {Record<string, any>} order @returns {Promise<any>} throws Error with why it was refused */
export const order = (order) => ask("/api/orders", { method: "POST", body: JSON.stringify(order) });

/** Give an order; a refusal is shown, never thrown. @param {Record<string, any>} given @returns {Promise<boolean>} */
export async function give(given) {
  try {
    await order(given);
    return true;
  } catch (fault) {
    if (isReadOnly() && order.order === "displayed") return false; // a past row that is painted was not displayed now
    update({ notice: { text: `${t("order.refused")}: ${/** @type {Error} */ (fault).message}`, bad: true } });
    return false;
  }
}

/** @param {string} role */
export async function signIn(role) {
  const session = await ask("/api/session", { method: "POST", body: JSON.stringify({ role }) });
  update({ session });
}

/** @param {string} alert */
export const acknowledge = (alert) => give({ order: "acknowledge", alert });

/** Show the map as *peer* sees us, or our own again with null. @param {string | null} peer @param {(bytes: ArrayBuffer) => any} read */
export async function previewOf(peer, read) {
  if (peer === null) {
    update({ preview: null });
    return;
  }
  try {
    const answer = await ask(`/api/preview?peer=${encodeURIComponent(peer)}`);
    const bytes = Uint8Array.from(atob(answer.frame), (c) => c.charCodeAt(0));
    update({ preview: { peer, tracks: read(bytes.buffer), withheld: answer.withheld } });
  } catch (fault) {
    update({ notice: { text: /** @type {Error} */ (fault).message, bad: true } });
  }
}
