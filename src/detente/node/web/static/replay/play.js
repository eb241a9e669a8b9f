// The replay at the desk: it puts a picture of the past in the place of the present, and gives the present back. While it
// runs what comes from the node goes on in `state.live`, and no order leaves this page.

import { state, update } from "../store.js";
import { tellBad, tellNoMore } from "../notice.js";
import { LONGER_S, answerTo, ask } from "../ask.js";
import { t } from "../i18n.js";
import { pretend } from "../clock.js";
import { labelOf, identityOf, readFrame, MARK } from "../map/tracks.js";
import { next, opened, stepMs } from "./player.js";
import { foldedAt, placed } from "./fold.js";
import { checkDossier, whyNot } from "./check.js";
import { openDossier } from "./dossier.js";
import { newestOf, tracksOf } from "./dossier-tracks.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {import("../map/tracks.js").Tracks} Tracks */

const TICK_MS = 100;
const AHEAD = 20; // frames asked for at once
const LOW = 8; // left: ask for more
const AGAIN_MS = 2000; // after frames that could not be had
const BEFORE_MS = 2 * 3_600_000; // what was said earlier may still hold in the window

/** @type {Tracks[]} in order of time */
let frames = [];
/** @type {import("./dossier.js").Opened | null} */
let dossier = null;
let asking = 0; // which run of questions is the present one: an answer to an older one is dropped
let isAsking = false;
let notBeforeMs = -Infinity;
let shownAtMs = NaN;
let said = "";
/** @type {(tracks: Tracks) => void} */
let show = () => undefined;
let timer = 0;

/** @param {(tracks: Tracks) => void} onFrame projects a frame and keeps its history */
export function replayInto(onFrame) {
  show = onFrame;
}

/** Of what times the node keeps the picture. */
export async function askKept() {
  try {
    update({ kept: await ask("/api/replay") });
    tellNoMore("kept");
  } catch (fault) {
    update({ kept: null });
    tellBad(/** @type {Error} */ (fault).message, "kept");
  }
}

/** Show a window that the node kept. @param {number} fromMs @param {number} toMs */
export async function playWindow(fromMs, toMs) {
  try {
    const player = opened(Math.round(fromMs), Math.round(toMs));
    const page = await ask(`/api/replay/said?from_ms=${Math.max(0, player.fromMs - BEFORE_MS)}&to_ms=${player.toMs}`, { withinS: LONGER_S });
    begin({ player, source: "node", by: "", leaves: page.rows, more: page.more, unread: 0 }, null);
  } catch (fault) {
    tellBad(fault instanceof RangeError ? t("replay.no_window") : /** @type {Error} */ (fault).message, "replay");
  }
}

/** Show a dossier from a file, once it is known whether it holds; one that does not is not shown. @param {File} file */
export async function playDossier(file) {
  try {
    const bytes = await file.arrayBuffer();
    update({ notice: { text: t("replay.checking"), bad: false, of: "replay" } });
    const checked = await checkDossier(bytes);
    if (checked.outcome === "fails") return tellBad(t("replay.fails", { why: whyNot(checked) }), "replay");
    const found = await openDossier(bytes);
    begin({ player: opened(found.fromMs, Math.min(found.toMs, found.fromMs + 24 * 3_600_000)), source: "dossier", by: found.by, leaves: found.leaves, more: found.toMs > found.fromMs + 24 * 3_600_000, unread: found.unread, checked }, found);
  } catch (fault) {
    tellBad(t("replay.not_a_dossier", { why: /** @type {Error} */ (fault).message }), "replay");
  }
}

/** @param {Row} replay @param {import("./dossier.js").Opened | null} found */
function begin(replay, found) {
  dossier = found;
  empty();
  clearInterval(timer);
  timer = setInterval(tick, TICK_MS);
  update({ replay, act: null, preview: null, view: "map", selected: null, focusAlert: null, measure: null, notice: null, volume: null, follow: false });
  see();
}

/** Nothing is shown until what belongs there has come: another time's picture would lie. */
function empty() {
  update({ tracks: null });
  frames = [];
  asking += 1;
  isAsking = false;
  notBeforeMs = -Infinity;
  shownAtMs = NaN;
  said = "";
}

/** Back to the present. */
export function backToLive() {
  if (!state.replay) return;
  clearInterval(timer);
  dossier = null;
  empty();
  pretend(NaN);
  update({ ...state.live, replay: null, selected: null, focusAlert: null });
}

/** @param {Parameters<typeof next>[1]} word */
export function tell(word) {
  const replay = state.replay;
  if (!replay) return;
  const player = next(replay.player, word);
  if (player.speed !== replay.player.speed || player.atMs < replay.player.atMs || word.does === "seek") empty();
  update({ replay: { ...replay, player } });
  see();
}

function tick() {
  const player = state.replay?.player;
  if (!player?.playing) return fill();
  // What has not come yet is waited for: time that nobody could see is not played.
  if (!isReady(player.atMs)) return fill();
  update({ replay: { ...state.replay, player: next(player, { does: "passed", ms: TICK_MS }) } });
  see();
}

/** @param {number} atMs */
const isReady = (atMs) => dossier !== null || (frames.length > 0 && frames[frames.length - 1].atMs + stepMs(state.replay?.player.speed ?? 1) > atMs);

/** Show what belongs to where the player stands. */
function see() {
  const replay = state.replay;
  if (!replay) return;
  const { atMs } = replay.player;
  pretend(atMs);
  fill();
  const tracks = dossier ? tracksAt(atMs) : ([...frames].reverse().find((frame) => frame.atMs <= atMs) ?? null);
  if (tracks && tracks.atMs !== shownAtMs) {
    shownAtMs = tracks.atMs;
    show(tracks);
    update({ tracks });
  }
  board(replay, tracks ?? state.tracks);
}

/** A frame of the dossier, made once a second of the replay. @param {number} atMs */
function tracksAt(atMs) {
  const second = Math.trunc(atMs / 1000) * 1000;
  if (second === shownAtMs || !dossier) return null;
  return tracksOf(newestOf(dossier.frames, atMs), second, (state.board?.parties ?? []).map((/** @type {Row} */ party) => party.id));
}

/** Keep frames ready for the next seconds. */
async function fill() {
  const player = state.replay?.player;
  if (!player || dossier || isAsking || performance.now() < notBeforeMs) return;
  const step = stepMs(player.speed);
  frames = frames.filter((frame) => frame.atMs > player.atMs - 2 * step);
  const last = frames.length ? frames[frames.length - 1].atMs : player.atMs - step;
  if (last >= player.toMs || frames.filter((frame) => frame.atMs > player.atMs).length > LOW) return;
  const mine = asking;
  isAsking = true;
  try {
    const count = Math.min(AHEAD, Math.ceil((player.toMs - last) / step));
    const bytes = await answerTo(`/api/replay/frames?from_ms=${Math.round(last + step)}&step_ms=${step}&count=${count}`, (answer) => answer.arrayBuffer(), { withinS: LONGER_S });
    if (mine !== asking) return;
    frames.push(...unpacked(bytes));
    isAsking = false;
    tellNoMore("frames");
    see();
  } catch (fault) {
    if (mine !== asking) return;
    notBeforeMs = performance.now() + AGAIN_MS;
    tellBad(/** @type {Error} */ (fault).message, "frames");
    update({ replay: { ...state.replay, player: next(player, { does: "pause" }) } });
  } finally {
    if (mine === asking) isAsking = false;
  }
}

/** @param {ArrayBuffer} bytes @returns {Tracks[]} */
function unpacked(bytes) {
  const view = new DataView(bytes);
  const found = [];
  for (let at = 0; at + 4 <= bytes.byteLength;) {
    const size = view.getUint32(at, true);
    found.push(readFrame(bytes.slice(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  return found;
}

/** The board as it could have been: whose desk it is stays, all that happens is of the past. @param {Row} replay @param {Tracks | null} tracks */
function board(replay, tracks) {
  const live = state.live.board;
  const { atMs, speed } = replay.player;
  const known = `${Math.trunc(atMs / 1000)} ${speed} ${replay.leaves.length} ${shownAtMs}`;
  if (!live || known === said) return;
  said = known;
  const { alerts, messages } = foldedAt(replay.leaves, atMs, live.party, state.codebook.phrases ?? []);
  const numbers = new Map();
  if (tracks) for (let i = 0; i < tracks.n; i++) if (!(tracks.flags[i] & MARK.SECONDARY)) for (const name of [labelOf(tracks, i), identityOf(tracks, i)]) if (name) numbers.set(name, tracks.number[i]);
  const numberOf = (/** @type {string} */ name) => numbers.get(name) ?? null;
  const shown = placed(alerts.filter((row) => row.state === "active" || atMs - row.updated_at_ms < 900_000), numberOf);
  update({
    board: {
      ...live, at_ms: atMs, badges: [`REPLAY ×${speed}`, ...live.badges.filter((/** @type {string} */ badge) => !badge.startsWith("REPLAY"))], alerts: shown, alerts_total: shown.length,
      messages, messages_total: messages.length, peers: [], feeds: [], tables: [], faults: [], contradictions: [], counts: countsOf(tracks, shown),
    },
  });
}

/** @param {Tracks | null} tracks @param {Row[]} alerts */
export function countsOf(tracks, alerts) {
  const counts = { own: 0, shared: 0, unattributed: 0, stale: 0, not_assessed: 0, not_assessed_why: {}, conflicts: alerts.filter((row) => row.state === "active" && row.kind === "conflict").length };
  for (let i = 0; i < (tracks?.n ?? 0); i++) {
    const { flags, party, declaredBy, notAssessed } = /** @type {Tracks} */ (tracks);
    if (flags[i] & MARK.SECONDARY) continue;
    counts[party[i] === 0 ? "own" : "shared"] += 1;
    if (declaredBy[i] === 255) counts.unattributed += 1;
    if (flags[i] & (MARK.STALE | MARK.COASTED)) counts.stale += 1;
    if (notAssessed[i]) counts.not_assessed += 1;
  }
  return counts;
}
