// Proposals: every version with its digest, the checklist with each party's stance, who has signed and what is missing.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { code, others, party } from "../words.js";
import { at, by, digest, listed, part, parties, stateBadge, words } from "./pieces.js";
import { actRow } from "./act-row.js";
import { compared } from "./diff.js";

/** @typedef {Record<string, any>} Row */

const LEVEL = /** @type {Record<string, "good" | "warn" | "bad" | "">} */ ({ in_force: "good", completed: "good", tabled: "warn", under_discussion: "warn", declined: "" });
const OPEN = ["tabled", "under_discussion"];

/** @param {Row} view */
export const proposals = (view) => part("proposals", t("table.proposals"), html`${actRow([{ act: "proposal.table" }])}${listed(view.proposals, (row) => proposal(row, view), t("table.none"))}`, view.proposals.length);

/** @param {Row} row @param {Row} view */
function proposal(row, view) {
  const newest = row.versions[row.versions.length - 1];
  return html`<article key=${row.proposal} class="thing" data-proposal=${row.proposal}>
    <h3>${code(row.proposal)} ${others(row.title)} ${stateBadge(word("proposal", row.state), LEVEL[row.state] ?? "")}</h3>
    <p class="small">${by(row.by, "", row.tabled_at_ms)}${row.answer_by_ms !== null && html` · ${t("table.answer_by")} ${at(row.answer_by_ms)}`}${row.expires_at_ms !== null && html` · ${t("table.expires")} ${at(row.expires_at_ms)}`}${row.bound_at_ms !== null && html` · ${t("table.bound")} ${at(row.bound_at_ms)}`}</p>
    ${row.not_answered.length > 0 && html`<p class="text-caution">${t("table.not_answered")} ${parties(row.not_answered)}</p>`}
    ${row.reason && words(row.reason)}
    ${version(newest, row.title)}
    ${row.versions.length > 1 && html`<details class="compare" open=${OPEN.includes(row.state)}><summary>${t("table.compare_versions", { a: newest.number - 1, b: newest.number })}</summary>${compared(row.versions[row.versions.length - 2], newest)}</details>
    <details><summary>${t("table.earlier_versions", { n: row.versions.length - 1 })}</summary>${row.versions.slice(0, -1).reverse().map((/** @type {Row} */ v) => version(v, row.title))}</details>`}
    ${row.details.length > 0 && checklist(row, view.brief.members)}
    <p class="small"><span class="muted">${t("table.signed")}</span> ${row.signatures.length === 0 && t("table.nobody_yet")}</p>
    ${row.signatures.length > 0 && html`<ul class="small">${row.signatures.map((/** @type {Row} */ s) => html`<li key=${`${s.party} ${s.seat}`}>${by(s.party, s.seat, s.at_ms)} ${t("table.version", { n: s.number })}${s.holds ? "" : html` <span class="text-caution">${t("table.signature_gone")}</span>`}</li>`)}</ul>`}
    ${row.missing.length > 0 && html`<p class="small"><span class="text-caution">${t("table.missing")}</span></p><ul class="missing small">${row.missing.map((/** @type {string} */ why) => html`<li key=${why}>${lacking(why)}</li>`)}</ul>`}
    ${actRow(acts(row, newest))}
    <details><summary>${t("table.history")}</summary><ul class="small">${row.history.map((/** @type {any[]} */ [act, who, ms], /** @type {number} */ k) => html`<li key=${k}>${at(ms)} ${code(who)} ${code(act)}</li>`)}</ul></details>
  </article>`;
}

/** One wording, whole, with what is signed. @param {Row} row @param {string} title */
export const version = (row, title) => html`<details key=${row.number} class="version" open><summary>${t("table.version", { n: row.number })} ${by(row.by, row.seat, row.at_ms)}</summary>
  <div class="written scrolls" tabindex="0" role="region" aria-label=${`${title} ${t("table.version", { n: row.number })}`}>${others(row.text)}</div>
  ${Object.entries(row.promises).map(([who, what]) => html`<p key=${who}>${party(who)}: ${others(what)}</p>`)}${digest(row.digest)}</details>`;

/** @param {Row} row @param {string[]} members */
function checklist(row, members) {
  const isOpen = OPEN.includes(row.state);
  return html`<div class="scroll-x"><table class="grid wrap"><thead><tr><th scope="col">${t("table.detail")}</th>${members.map((m) => html`<th key=${m} scope="col">${party(m)}</th>`)}<th scope="col">${t("table.together")}</th></tr></thead>
    <tbody>${row.details.map((/** @type {Row} */ d) => html`<tr key=${d.key} data-detail=${d.key}><th scope="row">${others(d.title)}${d.required ? "" : html` <span class="muted">(${t("table.optional")})</span>`}
      ${isOpen && actRow([{ act: "proposal.detail", fixed: { proposal: row.proposal, number: row.versions.length, detail: d.key }, about: d.title, values: { stance: "agreed" } }])}</th>
      ${members.map((m) => html`<td key=${m} class=${`stance-${d.stances[m] ?? "open"}`}>${word("stance", d.stances[m] ?? "open")}${d.words[m] ? html`<br />${others(d.words[m])}` : ""}</td>`)}
      <td class=${`stance-${d.stance}`}><b>${word("stance", d.stance)}</b></td></tr>`)}</tbody></table></div>`;
}

/** What is missing, in the desk's language where the node's words are known. @param {string} why */
function lacking(why) {
  const [, kind, what] = /^not (agreed|signed): ([^]*)$/.exec(why) ?? [];
  if (kind === "agreed") return html`${t("table.not_agreed")} ${others(what)}`;
  const [who, seat] = (what ?? "").split(", ");
  return kind === "signed" ? html`${t("table.not_signed")} ${party(who)} ${word("role", seat)}` : others(why, "en");
}

/** @param {Row} row @param {Row} newest */
function acts(row, newest) {
  const fixed = { proposal: row.proposal };
  const about = `${row.proposal} ${row.title}`;
  const kept = { details: row.details.map((/** @type {Row} */ d) => ({ key: d.key, title: d.title, required: d.required })), promises: newest.promises, activities: newest.activities };
  if (row.state === "in_force") return [{ act: "proposal.complete", fixed, about }, { act: "proposal.lapse", fixed, about }];
  if (!OPEN.includes(row.state)) return [];
  return [
    { act: "proposal.sign", fixed: { ...fixed, number: newest.number, digest: newest.digest }, about },
    { act: "proposal.counter", fixed: { ...fixed, after: newest.number }, about, shown: { kept }, values: { text: newest.text } },
    { act: row.by === state.board?.party ? "proposal.withdraw" : "proposal.decline", fixed, about },
  ];
}
