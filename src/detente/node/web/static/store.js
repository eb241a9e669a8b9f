// What the console knows, in one value. Views read it; everything that happens goes through `update`.

import { EVERYTHING } from "./map/filter.js";

/**
 * @typedef {import("./map/tracks.js").Tracks} Tracks
 * @typedef {Record<string, any>} Row  one row of the node's board, as `detente.desk.board` defines it
 */

export const state = {
  /** @type {Row | null} */ board: null,
  /** @type {Row[]} */ zones: [],
  /** @type {Tracks | null} */ tracks: null,
  /** @type {Row} */ session: { role: null, token: null, roles: [], demo: false },
  /** @type {Row} */ codebook: { version: "", phrases: [], reasons: [], roles: [], flash_reasons: [] },
  /** @type {"connecting" | "live" | "stopped"} */ link: "connecting",
  /** @type {number | null} */ stoppedAtMs: null,
  /** @type {number | null} */ selected: null,
  /** @type {number | null} */ hovered: null,
  /** @type {string | null} */ focusAlert: null,
  /** @type {{peer: string, tracks: Tracks, withheld: Row[]} | null} */ preview: null,
  /** @type {{text: string, bad: boolean} | null} */ notice: null,
  /** @type {"link" | "feeds" | "release"} */ page: "link",
  /** @type {"left" | "map" | "right"} which part a narrow window shows */ part: "map",
  /** @type {"map" | "tables"} the large part of the desk */ view: "map",
  /** @type {{chosen: string, view: Row | null, powers: Row[] | null, fault: string | null}} the open table */
  table: { chosen: "", view: null, powers: null, fault: null },
  /** @type {Row | null} an act at the table that is being prepared: `{act, fixed, shown, about, values, refusal, sure}` */ act: null,
  /** read only and large, for all to see */ isWall: false,
  lang: "en",
  help: false,
  tracksListed: false,
  follow: false,
  find: "",
  /** @type {Row | null} what is played instead of the present: `replay/play.js` */ replay: null,
  /** @type {Row} what has come from the node, while a replay stands in its place too */ live: {},
  /** @type {Row | null} of what times the node keeps the picture */ kept: null,
  /** @type {{from: string, to: string} | null} the window that is being chosen */ picker: null,
  /** @type {import("./map/filter.js").Filter} */ filter: { ...EVERYTHING },
  filtering: false,
  /** @type {{by: "callsign" | "level" | "speed" | "distance" | "party", down: boolean}} order of the track list */ sort: { by: "distance", down: false },
  /** @type {{number: number | null, from: {lat: number, lon: number}, to: {lat: number, lon: number} | null} | null} from a track, or a place */ measure: null,
  /** @type {Row[]} declared at all tables, not over: for the map */ activities: [],
  /** @type {Row | null} the volume that is being prepared: `map/volume.js`, with what it overlaps */ volume: null,
  sound: "off",
  drawMs: 0,
  show: { vectorMin: 2, trails: false, rings: true, zones: true, labels: "auto", lines: false, dim: false },
  /** @type {Row} what the map last showed */ shown: { tracks: 0, total: 0, hidden: 0, labelsLeftOut: 0, dots: false },
  /** @type {{latitude: number, longitude: number} | null} */ cursor: null,
  composer: { to: "", code: "", params: {}, precedence: "", reason: "", text: "", line: "watch", answers: "" },
};

/** @type {Set<() => void>} */
const watchers = new Set();
let asked = false;

/** Call *watcher* after each change, once a painted frame. @param {() => void} watcher */
export function watch(watcher) {
  watchers.add(watcher);
}

/** Take over what the node said: at once, or beside the replay that is shown. @param {Partial<typeof state>} change */
export function arrived(change) {
  Object.assign(state.live, change);
  update(state.replay ? {} : change);
}

/** Take *change* over into the state and have the views drawn. @param {Partial<typeof state>} change */
export function update(change) {
  Object.assign(state, change);
  if (asked) return;
  asked = true;
  // A hidden document gets no animation frames, yet its title and sounds must follow.
  (document.hidden ? (/** @type {() => void} */ f) => setTimeout(f, 200) : requestAnimationFrame)(() => {
    asked = false;
    watchers.forEach((watcher) => watcher());
  });
}
