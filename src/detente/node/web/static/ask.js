// One request to the node. A refusal is an error that carries the node's own words and its code.

import { state, update } from "./store.js";

export class Refusal extends Error {
  /** @param {{code?: string, detail?: string, title?: string}} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.code = problem.code ?? "";
  }
}

/** @param {string} path @param {RequestInit & {headers?: Record<string, string>}} [how] @returns {Promise<any>} throws Refusal */
export async function ask(path, how = {}) {
  const headers = { "content-type": "application/json", "x-detente-token": state.session.token ?? "", ...how.headers };
  const answer = await fetch(path, { ...how, headers });
  const body = await answer.json();
  if (answer.ok) return body;
  if (body.code === "locked") update({ session: { ...state.session, locked: true } });
  if (body.code === "not_signed_in") update({ session: { ...state.session, role: null, token: null } });
  throw new Refusal(body);
}

/** @param {string} path @param {unknown} [body] */
export const post = (path, body) => ask(path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
