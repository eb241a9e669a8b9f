// One tone for the whole stack of unacknowledged alarms and FLASH messages, and again every fifteen seconds until the last
// is acknowledged: a hundred at once sound like one, and none can be muted for good. A browser gives sound only after a
// gesture, so the desk says "sound off" until it has worked.

import { state, update } from "./store.js";

const AGAIN_MS = 15_000;
const SILENCE_MS = 30_000;

/** @type {AudioContext | null} */
let audio = null;
let lastMs = -Infinity;
let silentUntilMs = -Infinity;

function wake() {
  audio ??= new AudioContext();
  audio.resume().then(() => audio?.state === "running" && state.sound === "off" && update({ sound: "on" }));
}

addEventListener("pointerup", wake, { capture: true }); // the release: a badge that goes must not move what is being pressed
addEventListener("keydown", wake, { capture: true });

/** Not an acknowledgement: only quiet, for half a minute. */
export function silence() {
  silentUntilMs = performance.now() + SILENCE_MS;
  update({ sound: state.sound === "off" ? "off" : "silenced" });
}

/** @param {boolean} alarm an alarm is unacknowledged, or the picture has stopped */
export function sound(alarm) {
  const now = performance.now();
  if (state.sound === "silenced" && now > silentUntilMs) state.sound = "on";
  if (!alarm || !audio || state.sound !== "on" || now - lastMs < AGAIN_MS) return;
  lastMs = now;
  [880, 660, 880].forEach((hertz, k) => tone(/** @type {AudioContext} */ (audio), hertz, k * 0.18));
}

/** @param {AudioContext} context @param {number} hertz @param {number} delayS */
function tone(context, hertz, delayS) {
  const [oscillator, gain] = [context.createOscillator(), context.createGain()];
  oscillator.frequency.value = hertz;
  gain.gain.value = 0.08;
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(context.currentTime + delayS);
  oscillator.stop(context.currentTime + delayS + 0.14);
}
