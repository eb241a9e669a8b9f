// The top bar: whose desk this is, whether it lives, how each peer is, and the time.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t, word, LANGUAGES } from "./i18n.js";
import { code, party } from "./words.js";
import { clockZ, age, count } from "./format.js";
import { nodeNow, deskDifferenceMs } from "./clock.js";

const STATE_LEVEL = /** @type {Record<string, string>} */ ({ UP: "good", DEGRADED: "warn", SUSPENDED: "warn", UNVERIFIED: "warn", DOWN: "bad", FORK: "bad", ROLLBACK: "bad" });

/** @param {{speak: (lang: string) => void, sit: (role: string) => void, turnView: () => void, sessions: () => void}} acts */
export function top(acts) {
  const { board, session } = state;
  const now = nodeNow();
  const marks = (board?.badges ?? []).filter((/** @type {string} */ b) => b !== "DEMO ACCOUNTS");
  return html`
    <h1><bdi>Détente</bdi></h1>
    ${board && html`<span class="badge" title=${t("top.node")}>${party(board.party)} ${code(board.node)}</span>`}
    ${linkBadge(board)}
    ${marks.map((/** @type {string} */ b) => html`<span class=${marks.length === 1 ? "badge marked alone" : "badge marked"} key=${b}><bdi>${word("badge", b)}</bdi></span>`)}
    ${session.demo && html`<span class="badge marked demo">${t("badge.DEMO ACCOUNTS")}</span>`}
    <strong class="never">${t("top.not_a_clearance")}</strong>
    <span class="grow"></span>
    <ul class="peers" aria-label=${t("top.peers")}>${(board?.peers ?? []).map((/** @type {any} */ peer) => html`
      <li key=${peer.party} class=${STATE_LEVEL[peer.state]}>${party(peer.party)} <span class="num">${age(peer.last_heard_ms, now)}</span> <b>${word("state", peer.state)}</b></li>`)}
    </ul>
    <span class="log"><span class="muted">${t("top.log")}</span> <span class="num">${count(written(board))}</span></span>
    <span class="grow"></span>
    ${clocks(board, now)}
    ${(board?.tables ?? []).length > 0 && html`<button type="button" id="to-tables" aria-pressed=${state.view === "tables"} onClick=${acts.turnView}>${t("table.title")} <kbd>8</kbd></button>`}
    <label class="unseen" for="lang">${t("top.language")}</label>
    <select id="lang" value=${state.lang} onChange=${(/** @type {any} */ e) => acts.speak(e.target.value)}>
      ${LANGUAGES.map((l) => html`<option key=${l} value=${l} selected=${l === state.lang} lang="zxx" translate=${false}>${l}</option>`)}
    </select>
    ${session.role && html`<button type="button" id="to-sessions" class=${session.demo ? "square" : "name"} title=${t("sessions.title")} aria-label=${session.demo ? t("sessions.title") : undefined} onClick=${acts.sessions}>${session.demo ? "…" : html`<bdi>${session.name}</bdi>`}</button>`}
    ${session.demo ? seats(session, acts) : session.role && html`<span class="badge">${word("role", session.role)}</span>`}
    <button type="button" class="square" aria-label=${t("help.title")} onClick=${() => update({ help: true })}>?</button>`;
}

/** A demo account takes any seat. @param {any} session @param {{sit: (role: string) => void}} acts */
const seats = (session, acts) => html`<label class="unseen" for="seat">${t("top.seat")}</label>
    <select id="seat" aria-busy=${String(state.sitting !== null)} value=${state.sitting ?? session.role ?? ""} onChange=${(/** @type {any} */ e) => acts.sit(e.target.value)}>
      ${(session.roles ?? []).map((/** @type {string} */ r) => html`<option key=${r} value=${r} selected=${r === (state.sitting ?? session.role)}>${word("role", r)}</option>`)}
    </select>`;

/** @param {any} board */
const written = (board) =>
  (board?.peers ?? []).flatMap((/** @type {any} */ p) => p.lanes).reduce((/** @type {number} */ sum, /** @type {any} */ lane) => sum + lane.own_size, 0);

/** @param {any} board */
function linkBadge(board) {
  if (state.link === "stopped") return html`<span class="badge bad">${t("link.stopped", { at: clockZ(state.stoppedAtMs) })}</span>`;
  if (state.link === "connecting") return html`<span class="badge warn">${t("link.connecting")}</span>`;
  const replay = (board?.badges ?? []).some((/** @type {string} */ b) => b.startsWith("REPLAY"));
  return replay ? "" : html`<span class="badge good live">${t("link.live")}</span>`;
}

/** @param {any} board @param {number} now */
function clocks(board, now) {
  if (!board || !Number.isFinite(now)) return "";
  const date = new Date(now);
  const day = `${String(date.getUTCDate()).padStart(2, "0")} ${new Intl.DateTimeFormat(state.lang, { month: "short", timeZone: "UTC" }).format(date)} ${date.getUTCFullYear()}`;
  const difference = deskDifferenceMs();
  const apart = Math.abs(difference) > 3_600_000 ? t("clock.other_time") : Math.abs(difference) > 500 ? t("clock.apart", { s: (difference / 1000).toFixed(1) }) : "";
  return html`<span class="date">${day}</span><time class="clock" title=${`${t("clock.local")} ${date.toLocaleTimeString(state.lang)}`} datetime=${date.toISOString()}>${clockZ(now)}</time>${apart && html`<span class="badge warn">${apart}</span>`}`;
}
