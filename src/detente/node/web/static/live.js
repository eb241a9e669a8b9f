// The one connection to the node: boards and zones as text, tracks as binary. It comes back by itself, and says when
// the picture has stopped: an old picture that looks alive is worse than none.

import { arrived, state } from "./store.js";
import { heard, liveNow } from "./clock.js";
import { readFrame } from "./map/tracks.js";

const SILENCE_MS = 3000;
const RETRY_MS = [300, 1000, 2000, 4000];

/** @param {(tracks: import("./map/tracks.js").Tracks) => void} onFrame */
export function live(onFrame) {
  let tries = 0;
  let lastFrame = NaN;
  /** @type {WebSocket | null} */
  let socket = null;

  const open = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      tries = 0;
      if (typeof data === "string") text(JSON.parse(data));
      else frame(data);
    };
    socket.onclose = () => {
      socket = null;
      setTimeout(open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    };
  };

  /** @param {Record<string, any>} message */
  const text = (message) => {
    if (message.kind === "zones") arrived({ zones: message.zones });
    else if (message.kind === "board") {
      heard(message.board.at_ms);
      arrived({ board: message.board });
    }
  };

  /** @param {ArrayBuffer} data */
  const frame = (data) => {
    const tracks = readFrame(data);
    lastFrame = performance.now();
    onFrame(tracks);
    arrived({ tracks, link: "live", stoppedAtMs: null });
  };

  setInterval(() => {
    if (state.live.link === "live" && performance.now() - lastFrame > SILENCE_MS) {
      arrived({ link: "stopped", stoppedAtMs: liveNow() - (performance.now() - lastFrame) });
    }
  }, 500);
  open();
  return {
    /** Connect anew: another seat sees another board. */
    again: () => socket?.close(),
  };
}
