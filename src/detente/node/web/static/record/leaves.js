// The logs and their leaves: which there are, how far each is signed and receipted, and what was said, newest first.

import { html } from "../html.js";
import { state } from "../store.js";
import { t, word } from "../i18n.js";
import { clockZ, count, digest, digestWhole } from "../format.js";
import { code, others, party } from "../words.js";
import { put, readLeaves } from "./load.js";
import { check } from "./check.js";

/** @typedef {import("../types.js").LogRow} LogRow */
/** @typedef {import("../types.js").LeafRow} LeafRow */

const KINDS = ["alert", "hotline", "ack", "displayed", "escalation", "stand_down", "line_test", "track", "activity", "report", "decision", "proposal", "incident", "ceasefire", "statement", "watch", "table", "hold", "policy", "keys", "rebase"];
const SEATS = ["node", "operator", "supervisor", "duty_officer", "military", "intelligence", "foreign_service", "minister", "leader"];
const PRECEDENCES = /** @type {const} */ (["Z", "O", "P", "R"]);

export function leaves() {
  const { logs, log } = state.record;
  return html`<section class="part" id="record-logs"><h2>${t("record.logs")} <span class="num muted">${count(logs.length)}</span></h2>
    <div class="scroll-x" tabindex="0" role="group" aria-label=${t("record.logs")}><table class="grid logs"><thead><tr><th scope="col">${t("record.log")}</th><th scope="col">${t("record.size")}</th><th scope="col">${t("record.signed")}</th><th scope="col">${t("record.receipted")}</th><th scope="col">${t("lane.head")}</th></tr></thead>
      <tbody>${logs.map((row) => html`<tr key=${row.log} class=${row.log === log ? "on" : ""}><th scope="row"><button type="button" class="plain" aria-pressed=${row.log === log} data-log=${row.log} onClick=${() => readLeaves({ log: row.log })}>${party(row.writer)} → ${party(row.reader)} ${code(row.lane)}${row.epoch > 1 ? html` <span class="muted">${t("record.epoch", { n: row.epoch })}</span>` : ""}</button></th>
        <td class="num">${count(row.size)}</td><td class=${row.signed < row.size ? "num text-caution" : "num"}>${count(row.signed)}</td><td class=${row.receipted < row.signed ? "num text-caution" : "num"} title=${row.receipt_at_s === null ? "" : clockZ(row.receipt_at_s * 1000)}>${count(row.receipted)}</td><td title=${digestWhole(row.root)}>${code(digest(row.root))}</td></tr>`)}</tbody></table></div>
    ${checking(logs.find((row) => row.log === log))}</section>
  ${browser()}`;
}

/** @param {LogRow | undefined} row */
function checking(row) {
  if (!row) return "";
  const { checked, busy, unchecked } = state.record;
  const begin = async () => {
    if (state.record.busy) return;
    put({ checked: null, unchecked: null, busy: "0" });
    try {
      const found = await check(row.log, (read, of) => put({ busy: `${count(read)} / ${count(of)}` }));
      put({ checked: found, busy: "" });
    } catch (fault) {
      const why = /** @type {Error} */ (fault).message;
      put({ busy: "", unchecked: { log: row.log, why: why === "no_crypto" ? t("check.no_crypto") : why } });
    }
  };
  return html`<div class="line"><button type="button" class="main" id="verify" aria-disabled=${busy !== ""} onClick=${begin}>${t("check.begin")}</button>${busy && html`<span class="num">${busy}</span>`}<span class="small muted">${t("check.what")}</span></div>
    ${unchecked?.log === row.log && html`<p class="text-alarm" role="alert">${t("record.not_read")} ${others(unchecked.why, "en")}</p>`}
    ${checked && checked.log === row.log && proved(checked)}`;
}

/** @param {import("./check.js").Checked} checked */
function proved(checked) {
  const good = checked.isRoot && checked.checkpoint !== "bad" && !["bad", "other_root"].includes(checked.receipt);
  const mark = { good: "good", bad: "bad", other_root: "bad", none: "warn", unchecked: "warn" };
  return html`<div id="proved" class=${good ? "note" : "note bad-edge"} role="status"><p><b class=${`badge ${good ? "good" : "bad"}`}>${t(good ? "check.holds" : "check.fails")}</b> ${t("check.read", { read: count(checked.read), size: count(checked.size) })}</p>
    <p><b class=${`badge ${checked.isRoot ? "good" : "bad"}`}>${t("check.root")}</b> ${t(checked.isRoot ? "check.root_same" : "check.root_differs")} ${code(checked.root, "whole")}</p>
    <p><b class=${`badge ${mark[checked.checkpoint]}`}>${t("check.checkpoint")}</b> ${t(`check.checkpoint_${checked.checkpoint}`)}</p>
    <p><b class=${`badge ${mark[checked.receipt]}`}>${t("check.receipt")}</b> ${t(`check.receipt_${checked.receipt}`, { n: count(checked.receipted), at: checked.receiptAtS === null ? "-" : clockZ(checked.receiptAtS * 1000) })}</p>
    <h3>${t("check.not_proved")}</h3><ul class="small">${checked.taken > 0 && html`<li>${t("check.taken", { n: count(checked.taken) })}</li>`}<li>${t("check.not_leaves")}</li><li>${t("check.not_roots")}</li></ul>
    ${checked.roots.map((root) => html`<p key=${root.node} class="small">${party(root.party)} ${code(root.digits, "whole")}</p>`)}</div>`;
}

function browser() {
  const { page, filters, unread } = state.record;
  const put = (/** @type {string} */ name) => (/** @type {any} */ e) => readLeaves({ filters: { [name]: e.target.value } });
  const choice = (/** @type {"kind" | "by" | "precedence"} */ name, /** @type {[string, string][]} */ options) => html`<label class="filter"><span class="small muted">${t(`record.by_${name}`)}</span><select id=${`leaf-${name}`} value=${filters[name]} onChange=${put(name)}><option value="">${t("record.all")}</option>${options.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === filters[name]}>${text}</option>`)}</select></label>`;
  return html`<section class="part grows" id="record-leaves"><h2>${t("record.leaves")} ${page && html`<span class="num muted">${t("count.of", { n: page.rows.length, total: count(page.size) })}</span>`}</h2>
    <div class="line filters">${choice("kind", KINDS.map((kind) => [kind, word("leaf", kind)]))}${choice("by", SEATS.map((seat) => [seat, word("role", seat)]))}${choice("precedence", PRECEDENCES.map((p) => [p, t(`precedence.${p}`)]))}
      <label class="filter"><span class="small muted">${t("record.by_text")}</span><input id="leaf-text" type="search" maxlength="200" disabled=${state.record.logs.find((row) => row.log === state.record.log)?.writer !== state.board?.party} value=${filters.text} onInput=${put("text")} /></label></div>
    ${unread && html`<p class="text-alarm" role="alert">${t("record.not_read")} ${others(unread, "en")}</p>`}
    ${page && html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t("record.leaves")}><table class="grid leaves" role="table"><thead role="rowgroup"><tr role="row">${["#", t("record.written"), t("record.kind"), t("record.seat"), t("record.words"), t("table.digest")].map((title) => html`<th key=${title} role="columnheader" scope="col">${title}</th>`)}</tr></thead>
      <tbody role="rowgroup">${page.rows.map(leaf)}</tbody></table></div>
      ${page.rows.length === 0 && html`<p class="empty">${t("record.nothing", { n: count(page.scanned) })}</p>`}
      <div class="line">${page.next !== null && html`<button type="button" id="older" onClick=${() => readLeaves({ before: /** @type {number} */ (page.next) })}>${t("record.older", { n: count(page.next) })}</button>`}<button type="button" id="newest" onClick=${() => readLeaves()}>${t("record.newest")}</button></div>`}</section>`;
}

/** On a telephone its cells stand below each other, so what they are has to be said. @param {LeafRow} row */
const leaf = (row) => html`<tr key=${row.seq} role="row" data-leaf=${row.seq}><th role="rowheader" scope="row" class="num">${count(row.seq)}</th><td role="cell" class="num">${new Date(row.ts_ms).toISOString().slice(0, 10)} ${clockZ(row.ts_ms)}</td>
  <td role="cell">${word("leaf", row.kind)} ${row.precedence === "Z" || row.precedence === "O" ? html`<b class=${`badge prec p-${row.precedence}`}>${t(`precedence.${row.precedence}`)}</b>` : ""}</td><td role="cell">${word("role", row.by)}</td>
  <td role="cell" class="said">${row.words ? others(row.words) : row.is_held ? "" : html`<span class="muted">${t("record.gone")}</span>`}</td><td role="cell" title=${digestWhole(row.hash)}>${code(digest(row.hash))}</td></tr>`;
