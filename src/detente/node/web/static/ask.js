// One request to the node. A refusal is an error that carries the node's own words and its code; so is that nobody answered
// within the request's limit, and an answer that comes after it is nobody's.

import { t } from "./i18n.js";
import { state, update } from "./store.js";

/** In a replay, and on a wall, this page gives no order, whatever asks it to. */
export const isReadOnly = () => state.replay !== null || state.isWall;

const OF_THE_DOOR = /^\/api\/(session|sign-in|passkeys|step-up)/; // a wall signs in like any desk

/** The code of what the node did not refuse: whether it did it is not known. */
export const NO_ANSWER = "no_answer";

/** How long a person waits for an order, or for what a page shows. */
const WITHIN_S = 15;
/** For what the node reads through the record or reckons for, or what is many megabytes on a thin line. */
export const LONGER_S = 60;
/** For a dossier, made, checked or carried whole. */
export const DOSSIER_S = 600;

/** @typedef {RequestInit & {headers?: Record<string, string>, withinS?: number}} How */

export class Refusal extends Error {
  /** @param {{code?: string, detail?: string, title?: string}} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.code = problem.code ?? "";
  }
}

const none = () => {
  throw new Refusal({ code: NO_ANSWER, detail: t("node.no_answer") });
};

/** What *read* makes of the answer, within the limit too. @template T @param {string} path @param {(answer: Response) => Promise<T>} read @param {How} [how] @returns {Promise<T>} throws Refusal; an error page that is not the node's own is no answer */
export async function answerTo(path, read, { withinS = WITHIN_S, ...how } = {}) {
  const { token } = state.session;
  const headers = { "content-type": "application/json", "x-detente-token": token ?? "", ...how.headers };
  const answer = await fetch(path, { ...how, headers, signal: AbortSignal.timeout(withinS * 1000) }).catch(none);
  if (answer.ok) return read(answer).catch(none);
  const problem = await answer.json().catch(none);
  if (problem.code === "locked") update({ session: { ...state.session, locked: true } });
  // An answer to a seat that was left meanwhile takes nobody out of the one taken since.
  if (problem.code === "not_signed_in" && state.session.token === token) update({ session: { ...state.session, role: null, token: null } });
  throw new Refusal(problem);
}

/** @param {string} path @param {How} [how] @returns {Promise<any>} throws Refusal */
export async function ask(path, how = {}) {
  if (how.method && isReadOnly() && !OF_THE_DOOR.test(path)) throw new Refusal({ code: "read_only", detail: t("order.read_only") });
  return answerTo(path, (answer) => answer.json(), how);
}

/** @param {string} path @param {unknown} [body] */
export const post = (path, body) => ask(path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
