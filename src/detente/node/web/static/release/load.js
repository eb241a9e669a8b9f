// The policy towards each peer, asked for while its page is seen; and the picture as that peer has it, beside ours.

import { state, update } from "../store.js";
import { LONGER_S, ask } from "../ask.js";
import { readFrame } from "../map/tracks.js";

/** @typedef {import("../types.js").ReleaseView} ReleaseView */

const AGAIN_MS = 2000;
const TRY_AGAIN_MS = 30_000; // what takes the node seconds

let asking = false;
let askedAtMs = -Infinity;

/** @param {Partial<typeof state.release>} change */
export const put = (change) => update({ release: { ...state.release, ...change } });

/** The peer whose view is open. */
export const openPeer = () => state.release.peer || (state.board?.peers[0]?.party ?? "");

/** @param {string} peer */
export function choose(peer) {
  askedAtMs = -Infinity;
  put({ peer, view: null, seen: null, fault: null });
}

/** Keep what is shown about the open peer new. */
export async function keepRelease() {
  const peer = openPeer();
  if (state.view !== "release" || asking || !peer || !state.session.role || performance.now() - askedAtMs < AGAIN_MS) return;
  asking = true;
  askedAtMs = performance.now();
  try {
    const name = encodeURIComponent(peer);
    const [view, preview] = await Promise.all([ask(`/api/release/${name}`), ask(`/api/preview?peer=${name}`)]);
    const bytes = Uint8Array.from(atob(preview.frame), (sign) => sign.charCodeAt(0));
    if (openPeer() === peer) put({ view, seen: { tracks: readFrame(bytes.buffer), withheld: preview.withheld }, fault: null });
  } catch (fault) {
    if (openPeer() === peer) put({ fault: /** @type {Error} */ (fault).message });
  } finally {
    asking = false;
  }
  await keepFineness();
}

/** What is left of a policy's promises takes the node seconds to try: asked for once a policy. */
async function keepFineness() {
  const digest = state.board?.policy?.digest;
  const { fineness } = state.release;
  if (!digest || (fineness?.digest === digest && performance.now() < fineness.untilMs)) return;
  const found = { digest, rows: [], why: null, untilMs: Infinity };
  put({ fineness: { ...found, why: fineness?.why ?? null } });
  try {
    put({ fineness: { ...found, rows: await ask("/api/policy/precision", { withinS: LONGER_S }) } });
  } catch (fault) {
    put({ fineness: { ...found, why: /** @type {Error} */ (fault).message, untilMs: performance.now() + TRY_AGAIN_MS } });
  }
}

/** Begin another policy from the text of the one in force. */
export async function prepare() {
  try {
    const { text } = await ask("/api/policy");
    if (state.release.text === null) put({ text, check: null, refused: null }); // else it is being written already
  } catch (fault) {
    put({ refused: /** @type {Error} */ (fault).message });
  }
}

/** What the prepared text would change, then what is left of its promises; nothing is changed. */
export async function checkText() {
  const { text } = state.release;
  const about = (/** @type {string} */ path) => ask(path, { method: "POST", body: JSON.stringify({ text }), withinS: LONGER_S });
  // What was asked about a text that has been changed since says nothing about the new one.
  const isThis = () => state.release.text === text;
  try {
    const check = await about("/api/policy/check");
    if (isThis()) put({ check, refused: null });
    const fineness = await about("/api/policy/precision");
    if (isThis() && state.release.check) put({ check: { ...state.release.check, fineness } });
  } catch (fault) {
    if (isThis()) put({ check: null, refused: /** @type {Error} */ (fault).message });
  }
}
