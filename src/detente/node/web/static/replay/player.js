// The replay's clockwork as a pure state machine: a window, where it stands, how fast it runs. No clock, no page: time
// passes when it is told so.

export const SPEEDS = [1, 2, 5, 10, 20, 60];
export const WINDOW_MAX_MS = 24 * 3_600_000;

/** @typedef {{fromMs: number, toMs: number, atMs: number, speed: number, playing: boolean}} Player */

/** @param {number} fromMs @param {number} toMs @returns {Player} throws RangeError for what is no window */
export function opened(fromMs, toMs) {
  if (!(toMs > fromMs) || toMs - fromMs > WINDOW_MAX_MS) throw new RangeError("not a window");
  return { fromMs, toMs, atMs: fromMs, speed: 1, playing: false };
}

const within = (/** @type {Player} */ player, /** @type {number} */ ms) => Math.min(player.toMs, Math.max(player.fromMs, ms));

/**
 * What a player becomes by one word. At its end it stops; played again there it begins anew.
 * @param {Player} player @param {{does: "play" | "pause" | "turn" | "passed" | "step" | "seek" | "speed" | "faster" | "slower", ms?: number, n?: number}} word @returns {Player}
 */
export function next(player, word) {
  const { does, ms = 0, n = 1 } = word;
  const place = SPEEDS.indexOf(player.speed);
  switch (does) {
    case "play": return { ...player, playing: true, atMs: player.atMs >= player.toMs ? player.fromMs : player.atMs };
    case "pause": return { ...player, playing: false };
    case "turn": return next(player, { does: player.playing ? "pause" : "play" });
    case "passed": {
      if (!player.playing) return player;
      const atMs = within(player, player.atMs + ms * player.speed);
      return { ...player, atMs, playing: atMs < player.toMs };
    }
    case "step": return { ...player, playing: false, atMs: within(player, player.atMs + ms) };
    case "seek": return { ...player, atMs: within(player, ms) };
    case "speed": return SPEEDS.includes(n) ? { ...player, speed: n } : player;
    case "faster": return { ...player, speed: SPEEDS[Math.min(SPEEDS.length - 1, place + 1)] };
    case "slower": return { ...player, speed: SPEEDS[Math.max(0, place - 1)] };
    default: return player;
  }
}

const SHOWN_PER_S = 5;

/** How far apart the frames are that a speed needs: five a second are seen, and none is asked for twice. @param {number} speed */
export const stepMs = (speed) => Math.max(1000, Math.round((speed * 1000) / SHOWN_PER_S / 1000) * 1000);
