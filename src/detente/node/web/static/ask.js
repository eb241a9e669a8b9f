// One request to the node. A refusal is an error that carries the node's own words and its code.

import { t } from "./i18n.js";
import { state, update } from "./store.js";

/** In a replay, and on a wall, this page gives no order, whatever asks it to. */
export const isReadOnly = () => state.replay !== null || state.isWall;

const OF_THE_DOOR = /^\/api\/(session|sign-in|passkeys|step-up)/; // a wall signs in like any desk

/** The code of what the node did not refuse: whether it did it is not known. */
export const NO_ANSWER = "no_answer";

export class Refusal extends Error {
  /** @param {{code?: string, detail?: string, title?: string}} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.code = problem.code ?? "";
  }
}

/** @param {string} path @param {RequestInit & {headers?: Record<string, string>}} [how] @returns {Promise<any>} throws Refusal */
export async function ask(path, how = {}) {
  if (how.method && isReadOnly() && !OF_THE_DOOR.test(path)) throw new Refusal({ code: "read_only", detail: t("order.read_only") });
  const { token } = state.session;
  const headers = { "content-type": "application/json", "x-detente-token": token ?? "", ...how.headers };
  const { answer, body } = await answered(path, { ...how, headers });
  if (answer.ok) return body;
  if (body.code === "locked") update({ session: { ...state.session, locked: true } });
  // An answer to a seat that was left meanwhile takes nobody out of the one taken since.
  if (body.code === "not_signed_in" && state.session.token === token) update({ session: { ...state.session, role: null, token: null } });
  throw new Refusal(body);
}

/** @param {string} path @param {RequestInit} how @returns {Promise<{answer: Response, body: any}>} throws Refusal `no_answer` when none came, or one that is not the node's own */
async function answered(path, how) {
  try {
    const answer = await fetch(path, how);
    return { answer, body: await answer.json() };
  } catch {
    throw new Refusal({ code: NO_ANSWER, detail: t("node.no_answer") });
  }
}

/** @param {string} path @param {unknown} [body] */
export const post = (path, body) => ask(path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
