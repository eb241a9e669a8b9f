// The hotline: what was said, how far each message has come, and the composer. Coded phrases come first; free text is
// marked as such. Receipt is not acknowledgement is not answer, so each has its own word.

import { html } from "../html.js";
import { state, update } from "../store.js";
import { LANGUAGES, t, word } from "../i18n.js";
import { nodeNow } from "../clock.js";
import { clockZ, count, countdown } from "../format.js";
import { arrow } from "../marks.js";
import { give } from "../orders.js";
import { callsignOf } from "../map/tracks.js";
import { code, head, others, party, partyName } from "../words.js";
import { Kept, tick } from "../kept.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {import("../types.js").Board} Board */
/** @typedef {import("../types.js").MessageRow} MessageRow */
/** @typedef {import("../types.js").PeerRow} PeerRow */

const LINES = /** @type {const} */ (["watch", "military", "intelligence", "foreign_service", "leader"]);
const PRECEDENCES = /** @type {const} */ (["Z", "O", "P", "R"]);

const said = new Kept();

/** @type {WeakMap<MessageRow, string>} */
const asText = new WeakMap();

/** All that a message's row shows but for its countdown. @param {MessageRow} row @param {number} now */
function shownOf(row, now) {
  const text = asText.get(row) ?? JSON.stringify(row);
  asText.set(row, text);
  return `${text} ${isOverdue(row, now)}`;
}

/** @param {MessageRow} row @param {number} now */
const isOverdue = (row, now) => row.acknowledge_by_ms !== null && row.acknowledge_by_ms <= now;

/** Let the deadlines go on. @param {Element} place */
export function tickHotline(place) {
  const now = nodeNow();
  tick(place, (until) => (Number(until) > now ? t("strip.due", { left: countdown(Number(until), now) }) : t("strip.overdue", { by: countdown(now, Number(until)) })));
}

/** What sounds stands on top until somebody has acknowledged it; the rest by time. @param {MessageRow[]} rows */
const loudFirst = (rows) => [...rows.filter(isLoud), ...rows.filter((row) => !isLoud(row))];

export function hotline() {
  const board = state.board;
  const rows = loudFirst(board?.messages ?? []);
  const now = nodeNow();
  said.within([state.lang, t("hotline.title"), board?.party, JSON.stringify(board?.parties), state.codebook]);
  if (said.of.size > rows.length) said.keep(rows.map((row) => row.message));
  const total = board?.messages_total ?? 0;
  return html`<section id="hotline" class="panel grows" aria-label=${t("hotline.title")} tabindex="-1">
    ${head(t("hotline.title"), "4", codebookState(board))}
    ${presence(board)}
    <ol class="rows scrolls" tabindex="0" aria-label=${t("hotline.title")}>${rows.map((row) => said.view(row.message, shownOf(row, now), () => message(row)))}
      ${rows.length === 0 && html`<li class="empty">${t("hotline.none")}</li>`}
      ${rows.length < total && html`<li class="empty">${t("count.of", { n: rows.length, total: count(total) })}</li>`}</ol>
    ${composer(board)}
  </section>`;
}

/** @param {Board | null} board */
function codebookState(board) {
  const differing = (board?.peers ?? []).filter((peer) => peer.codebook_same === false);
  const version = state.codebook.version;
  return html`<span class="muted small">${t("codebook.version", { version })}</span>${differing.map((peer) => html` <span key=${peer.party} class="badge warn">${t("codebook.differs")} <bdi>${partyName(peer.party)}</bdi></span>`)}`;
}

/** A FLASH message to us that nobody here has acknowledged. Its time may have run out: it sounds all the same. @param {MessageRow} row */
export const isLoud = (row) => row.precedence === "Z" && row.to === state.board?.party && row.outcome !== "answered" && row.outcome !== "refused" && !row.halves.some((half) => half.party === row.to && half.acknowledged_at_ms);

/** How often FLASH was said, and how often without a good reason: both desks count the same messages. @param {Board | null} board @param {string} peer */
function flashes(board, peer) {
  if (!board || !(peer in board.flash_said)) return "";
  const misused = board.flash_misused[peer] ?? 0;
  return html`<span class=${misused ? "text-caution" : "muted"}>${t("hotline.flashes", { n: count(board.flash_said[peer]), misused: count(misused) })}</span>`;
}

/** Whether anybody is there, and when the line was last tried: before the first word is typed. @param {Board | null} board */
const presence = (board) => html`<ul class="presence" aria-label=${t("hotline.presence")}>${(board?.peers ?? []).map((peer) => html`<li key=${peer.party}>${party(peer.party)}
  ${nobodyAt(board, peer) ? html`<b class="badge warn">${t("hotline.nobody")}</b>` : peer.watch_present === null ? html`<span class="muted">${t("hotline.watch_unknown")}</span>` : html`<span>${t("hotline.watch_there")}</span>`}
  <span class="muted">${t("check.short")} ${peer.line_test_own_at_ms === null ? t("check.never") : peer.line_test_held_at_ms !== null && peer.line_test_held_at_ms >= peer.line_test_own_at_ms ? html`<span class="num">${clockZ(peer.line_test_held_at_ms)}</span>` : html`<b class="text-warning">${t("check.not_held")}</b>`}</span> ${flashes(board, peer.party)}</li>`)}</ul>`;

/** The link says so, or a table at which that party left its watch. @param {Board | null} board @param {PeerRow} peer */
const nobodyAt = (board, peer) => peer.watch_present === false || (peer.watch_present === null && (board?.tables ?? []).some((/** @type {Row} */ brief) => brief.nobody_on_watch.includes(peer.party)));

/** @param {MessageRow} row */
function message(row) {
  const now = nodeNow();
  const own = row.sender === state.board?.party;
  const mine = row.halves.find((half) => half.party === state.board?.party);
  const open = !own && !mine?.acknowledged_at_ms;
  const local = row.rendered[state.lang];
  return html`<li key=${row.message} class=${`message prec-${row.precedence}`} data-message=${row.message} data-undisplayed=${!own && mine && !mine.displayed_at_ms ? "" : undefined}>
    <div class="first">${party(row.sender)} ${arrow()} ${party(row.to)} ${row.code ? code(row.code, "strong") : ""}
      <b class=${`badge prec p-${row.precedence}`}>${t(`precedence.${row.precedence}`)}</b><span class="grow"></span><span class="num muted">${clockZ(row.sent_at_ms)}</span></div>
    <div class="words">${local ? html`<bdi>${local}</bdi>` : others(row.text, row.lang)}</div>
    ${row.code === null && html`<div class="small muted">${t("hotline.free_text")} <span lang="zxx" translate=${false}>${row.lang}</span></div>`}
    ${local && row.lang !== state.lang && html`<div class="small muted"><span lang="zxx" translate=${false}>${row.lang}</span> · ${others(row.text, row.lang)}</div>`}
    ${!row.known_code && html`<div class="text-warning">${t("hotline.unknown_code")}</div>`}
    <div class="small muted">${word("role", row.by)} · ${t(`line.${row.line}`)} · ${code(row.message)} · ${delivery(row)}${row.reason ? html` · ${t("hotline.reason")} <bdi>${reasonText(row.reason)}</bdi>` : ""}</div>
    ${!row.recorded && html`<div class="text-warning small">${row.preview ? t("record.preview") : t("record.not_yet")}</div>`}
    ${row.acknowledge_by_ms && !row.answered_by && html`<div class=${isOverdue(row, now) ? "text-alarm small" : "small"}><span data-ticks=${row.acknowledge_by_ms}></span>${row.rung ? ` · ${t("ladder.rung", { n: row.rung })}` : ""}</div>`}
    ${open && html`<div class="acts"><button type="button" onClick=${() => give({ order: "acknowledge_message", message: row.message })}>${t("act.acknowledge")}</button>
      ${[...new Set(row.expects)].filter(phraseOf).map((/** @type {any} */ c) => html`<button key=${c} type="button" onClick=${() => answer(row, c)}>${t("act.answer")} ${code(c)}</button>`)}</div>`}
  </li>`;
}

/** Why a message may be FLASH: its own five reasons, then those of the codebook. @returns {[string, string][]} */
const reasonsForFlash = () => [
  ...state.codebook.flash_reasons.map((/** @type {string} */ id) => [id, t(`flash.${id}`)]),
  ...state.codebook.reasons.map((/** @type {Row} */ r) => [r.id, `${r.id} · ${r[state.lang] ?? r.en}`]),
];

/** @param {string} id */
const reasonText = (id) => reasonsForFlash().find(([known]) => known === id)?.[1] ?? id;

const STAGES = /** @type {const} */ (["held", "displayed", "acknowledged"]);

/** How far it has come on the other side, each stage with its time, in one phrase. @param {MessageRow} row */
function delivery(row) {
  const other = row.halves.find((half) => half.party === row.to);
  const reached = !other ? [t("half.sent", { at: clockZ(row.sent_at_ms) })] : [t("half.sent", { at: clockZ(row.sent_at_ms) }), ...STAGES.filter((stage) => other[`${stage}_at_ms`]).map((stage) => t(`half.${stage}`, { at: clockZ(other[`${stage}_at_ms`]) }))];
  if (row.outcome) reached.push(t(`outcome.${row.outcome}`));
  return reached.join(" · ");
}

/** Make the composer ready to answer. @param {MessageRow} row @param {string} chosen */
function answer(row, chosen) {
  const phrase = phraseOf(chosen);
  /** @type {Record<string, string>} */
  const params = phrase?.params.includes("ref") ? { ref: row.message } : {};
  update({ composer: { ...state.composer, to: row.sender, code: chosen, params, answers: row.message, line: row.line, precedence: "", reason: "" } });
  /** @type {HTMLElement | null} */ (document.querySelector("#compose-code"))?.focus();
}

/** @param {string} id @returns {Row | undefined} */
const phraseOf = (id) => state.codebook.phrases.find((/** @type {Row} */ phrase) => phrase.code === id);

/** @param {Row} change */
const compose = (change) => update({ composer: { ...state.composer, ...change } });

/** `track2` is a track. @param {string} name */
const kindOf = (name) => name.replace(/\d+$/, "");

/** Words of the codebook that a parameter of this kind is chosen from. @param {string} name @returns {Row[]} */
const wordsOf = (name) => ({ reason: state.codebook.reasons, role: state.codebook.roles })[kindOf(name)] ?? [];

/** How each kind of parameter is written; the node refuses another form and says which is right. */
const FORMS = /** @type {Row} */ ({ level: "FL240", time: "14:30", pos: "35.8510N 036.0120E", distance: "5 NM", speed: "250 kt", course: "090", min: "10", n: "1", track: "ALF214", callsign: "ALF214" });

/** The shapes that the node takes; what it refuses beyond them it says itself. */
const PATTERNS = /** @type {Record<string, RegExp>} */ ({
  track: /^[A-Za-z0-9~?-]{1,16}$/, callsign: /^[A-Z0-9]{1,8}$/, level: /^(FL[0-9]{3}|[0-9]{1,5}\s*(ft|m)\s+(AMSL|AGL|STD))$/,
  time: /^(([01][0-9]|2[0-3]):[0-5][0-9]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z)$/, course: /^[0-9]{1,3}$/, min: /^[0-9]{1,3}$/, n: /^[0-9]{1,5}$/,
  speed: /^[0-9]{1,6}(\.[0-9]{1,2})?\s*(kt|km\/h|m\/s)$/, distance: /^[0-9]{1,6}(\.[0-9]{1,2})?\s*(NM|km|m|ft)$/,
});
const NUMBERS = ["course", "min", "n"];

/** @param {string} name @param {string} value */
const isWrong = (name, value) => value.trim() !== "" && PATTERNS[kindOf(name)]?.test(value.trim()) === false;

/** @param {Row} phrase @param {Row} params @param {string} lang */
const rendered = (phrase, params, lang) =>
  (phrase[lang] ?? phrase.en).replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ name) => {
    const chosen = wordsOf(name).find((w) => w.id === params[name]);
    return chosen ? (chosen[lang] || chosen.en) : params[name] || whole;
  });

/** @param {string} name @param {Row} params */
function parameter(name, params) {
  const put = (/** @type {string} */ value) => compose({ params: { ...params, [name]: value } });
  const words = wordsOf(name);
  if (words.length) {
    const options = words.map((w) => [w.id, `${w.id} · ${w[state.lang] || w.en}`]);
    return html`<div key=${name} class="param"><span lang="zxx" translate=${false}>${name}</span>${choice(`param-${name}`, name, params[name] ?? "", [["", "-"], ...options], put)}</div>`;
  }
  return html`<label key=${name} class="param"><span lang="zxx" translate=${false}>${name}</span>
    <input value=${params[name] ?? ""} maxlength="100" autocomplete="off" inputmode=${NUMBERS.includes(kindOf(name)) ? "numeric" : undefined} placeholder=${FORMS[kindOf(name)] ?? ""} aria-invalid=${isWrong(name, params[name] ?? "") ? "true" : undefined} onInput=${(/** @type {any} */ e) => put(e.target.value)} />${isWrong(name, params[name] ?? "") ? html`<span class="text-caution small">${t("compose.written_as", { form: FORMS[kindOf(name)] ?? "" })}</span>` : ""}</label>`;
}

/** The selected track's name is ready where a phrase asks for one. @param {string} chosen */
function begun(chosen) {
  const row = state.selected === null ? undefined : state.tracks?.rowOf.get(state.selected);
  const name = row === undefined || !state.tracks ? "" : callsignOf(state.tracks, row);
  const first = phraseOf(chosen)?.params.find((/** @type {string} */ p) => ["track", "callsign"].includes(kindOf(p)));
  return first && name ? { [first]: name } : {};
}

/** Our language, then the other side's: what it last wrote in, else every other. @param {Board | null} board @param {string} to @returns {string[]} */
function bothLanguages(board, to) {
  const last = (board?.messages ?? []).find((row) => row.sender === to)?.lang;
  const theirs = last ? [last] : LANGUAGES.filter((lang) => lang !== state.lang);
  return [...new Set([state.lang, ...theirs])];
}

/** By when a person there has to acknowledge. @param {string} precedence */
const deadline = (precedence) => (precedence === "R" ? "" : html` · ${t(`compose.deadline_${precedence}`)}`);

/** @param {Board | null} board */
function composer(board) {
  const c = state.composer;
  const peers = board?.peers ?? [];
  const to = c.to || peers[0]?.party || "";
  const phrase = phraseOf(c.code);
  const precedence = c.precedence || phrase?.precedence || "R";
  const same = peers.find((p) => p.party === to)?.codebook_same !== false;
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const c = state.composer;
    const shared = { to, line: c.line, reason: precedence === "Z" ? c.reason || null : null, answers: c.answers || null };
    const order = phrase
      ? { order: "send_code", ...shared, code: c.code, params: { ...c.params }, precedence: c.precedence || null }
      : { order: "send_text", ...shared, text: c.text, lang: state.lang, precedence };
    // What is being written by the time the node answers is another message.
    if ((await give(order)) && state.composer === c) compose({ code: "", params: {}, text: "", reason: "", answers: "", precedence: "" });
  };
  const complete = phrase ? same && phrase.params.every((/** @type {string} */ p) => c.params[p] && !isWrong(p, c.params[p])) : c.text.trim() !== "";
  return html`<form id="composer" onSubmit=${send} aria-label=${t("compose.title")}>
    <div class="line">
      ${choice("compose-to", t("compose.to"), to, peers.map((p) => [p.party, partyName(p.party)]), (v) => compose({ to: v }))}
      ${choice("compose-line", t("compose.line"), c.line, LINES.map((l) => [l, t(`line.${l}`)]), (v) => compose({ line: v }))}
      ${choice("compose-precedence", t("compose.precedence"), precedence, PRECEDENCES.map((p) => [p, t(`precedence.${p}`)]), (v) => compose({ precedence: v }))}
    </div>
    ${choice("compose-code", t("compose.phrase"), c.code, [["", t("compose.free")], ...state.codebook.phrases.map((/** @type {Row} */ p) => [p.code, `${p.code} · ${p[state.lang] ?? p.en}`])], (v) => compose({ code: v, params: begun(v), precedence: "" }))}
    ${phrase && phrase.params.map((/** @type {string} */ p) => parameter(p, c.params))}
    ${phrase && bothLanguages(board, to).map((lang, k) => html`<p key=${lang} class=${k ? "rendered small muted" : "rendering"}>${k ? html`<span lang="zxx" translate=${false}>${lang}</span> · ` : ""}<bdi lang=${lang}>${rendered(phrase, c.params, lang)}</bdi></p>`)}
    ${phrase && html`<p class="small muted">${phrase.expects.length ? html`${t("compose.expects")} ${phrase.expects.map((/** @type {string} */ e) => code(e))}` : t("compose.expects_nothing")}${deadline(precedence)}</p>`}
    ${phrase && !same && html`<p class="text-warning">${t("codebook.blocks")}</p>`}
    ${!phrase && html`<textarea aria-label=${t("compose.text")} rows="2" maxlength="2000" value=${c.text} placeholder=${t("compose.text")} onInput=${(/** @type {any} */ e) => compose({ text: e.target.value })}></textarea>`}
    ${precedence === "Z" && choice("compose-reason", t("compose.reason"), c.reason, [["", t("compose.reason")], ...reasonsForFlash()], (v) => compose({ reason: v }))}
    <div class="line">${c.answers && html`<span class="small muted">${t("act.answer")} ${code(c.answers)}</span><button type="button" onClick=${() => compose({ answers: "" })}>${t("act.not_an_answer")}</button>`}<span class="grow"></span>
      <button class="main" disabled=${!complete || !to || (precedence === "Z" && !c.reason)}>${t("act.send")} ${arrow()} <bdi>${partyName(to)}</bdi></button></div>
  </form>`;
}

/** @param {string} id @param {string} label @param {string} value @param {any[]} options @param {(value: string) => void} act */
function choice(id, label, value, options, act) {
  return html`<select id=${id} aria-label=${label} value=${value} onChange=${(/** @type {any} */ e) => act(e.target.value)}>
    ${options.map(([v, text]) => html`<option key=${v} value=${v} selected=${v === value}>${text}</option>`)}</select>`;
}
