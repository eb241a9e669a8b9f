// What a person is about to bind the party to: every field of the order as it goes to the node, and the digest of that.
// The passkey, where one is asked for, signs this digest and nothing else.

import { html } from "../html.js";
import { update } from "../store.js";
import { t } from "../i18n.js";
import { code, others } from "../words.js";

let digestOf = "";
let digest = "";

/** @param {string} text */
async function reckon(text) {
  digestOf = text;
  digest = "";
  if (!globalThis.crypto?.subtle) return; // plain HTTP from another machine: the node's own step-up shows it
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  if (digestOf !== text) return;
  digest = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  update({});
}

/** @param {unknown} value @param {string} path @returns {[string, string][]} every leaf of *value* with its path */
export function fields(value, path = "") {
  if (value === null || typeof value !== "object") return [[path, String(value)]];
  return Object.entries(value).flatMap(([name, inner]) => fields(inner, path ? `${path}.${name}` : name));
}

/** @param {Record<string, any>} order */
export function whole(order) {
  const text = JSON.stringify(order);
  if (text !== digestOf) reckon(text);
  return html`<details class="whole-order" open><summary>${t("table.whole")}</summary>
    <div class="scrolls" tabindex="0" role="region" aria-label=${t("table.whole")}><dl class="fields">${fields(order).map(([name, value]) => html`<div key=${name}><dt>${code(name)}</dt><dd class="written">${others(value)}</dd></div>`)}</dl></div>
    <p>${t("table.order_digest")} <span id="order-digest">${code(digest, "whole")}</span></p></details>`;
}
