// What the console knows, in one value. Views read it; everything that happens goes through `update`.

import { EVERYTHING } from "./map/filter.js";
import { isPressed } from "./press.js";

/**
 * @typedef {import("./map/tracks.js").Tracks} Tracks
 * @typedef {import("./types.js").Board} Board
 * @typedef {import("./types.js").ZoneRow} ZoneRow
 * @typedef {Record<string, any>} Row  a value of the node's that no view looks into closely
 */

export const state = {
  /** @type {Board | null} */ board: null,
  /** @type {ZoneRow[]} */ zones: [],
  /** @type {Tracks | null} */ tracks: null,
  /** @type {Row} */ session: { role: null, token: null, roles: [], demo: false, kind: "", locked: false },
  /** @type {string | null} a seat that was chosen and that the node has not given yet */ sitting: null,
  /** @type {Row | null} one more sign-in that is asked for: `{order, digest, asked, refusal, busy, done}` */ step: null,
  /** @type {Row[] | null} the list of sessions while it is open */ sessions: null,
  /** @type {string | null} a one-time code for a first passkey */ enrol: null,
  /** @type {{busy: boolean, refusal: string}} signing in */ door: { busy: false, refusal: "" },
  /** @type {any} step of the walk through the desk, from 0; null: not now */ tour: null,
  /** @type {Row} */ codebook: { version: "", phrases: [], reasons: [], roles: [], flash_reasons: [] },
  /** @type {"connecting" | "live" | "stopped"} */ link: "connecting",
  /** @type {number | null} */ stoppedAtMs: null,
  /** @type {number | null} */ selected: null,
  /** @type {number | null} */ hovered: null,
  /** @type {string | null} */ focusAlert: null,
  /** @type {{peer: string, tracks: Tracks, withheld: Row[]} | null} */ preview: null,
  /** @type {{text: string, bad: boolean, of: string} | null} `of`: what it is about, `notice.js` */ notice: null,
  /** @type {"link" | "feeds" | "release"} */ page: "link",
  /** @type {"left" | "map" | "right"} which part a narrow window shows */ part: "map",
  /** @type {"map" | "tables" | "record" | "release"} the large part of the desk */ view: "map",
  /** @type {{chosen: string, view: Row | null, powers: Row[] | null, fault: string | null}} the open table */
  table: { chosen: "", view: null, powers: null, fault: null },
  /** @type {Row | null} an act at the table that is being prepared: `{act, fixed, shown, about, values, refusal, underWay, said, isDrawn}` */ act: null,
  /** @type {{alert: string, found: import("./types.js").Explanation, of: "raised" | "now"} | null} why an alert was raised */ why: null,
  record: {
    /** @type {import("./types.js").LogRow[]} */ logs: [],
    /** @type {Record<string, {samples: import("./types.js").LinkSamples | null, why: string | null}>} by peer, or why it could not be read */ history: {},
    log: "",
    filters: { kind: "", by: "", precedence: "", text: "" },
    /** @type {import("./types.js").LeafPage | null} */ page: null,
    /** @type {string | null} why the leaves that were asked for could not be read */ unread: null,
    /** @type {import("./record/check.js").Checked | null} */ checked: null,
    /** @type {{log: string, why: string} | null} why a log could not be checked; reading on does not take it away */ unchecked: null,
    busy: "",
    /** @type {string | null} */ fault: null,
    dossier: {
      /** @type {"incident" | "window" | "range" | "whole"} */ way: "incident",
      incident: "", around: "5", from: "", to: "", log: "", first: "0", last: "0", peer: "",
      lanes: ["flash", "ops", "track"],
      /** @type {import("./types.js").Portion[] | null} */ plan: null,
      making: false,
      done: "",
      fault: "",
    },
  },
  /** @type {{peer: string, view: import("./types.js").ReleaseView | null, seen: {tracks: Tracks, withheld: Row[]} | null, fault: string | null, fineness: {digest: string, rows: Row[], why: string | null, untilMs: number} | null, text: string | null, check: Row | null, refused: string | null}} `fineness`: what a patient peer knows, rule by rule, or why nobody can say; `text`: of a policy that is being prepared, `check`: what it would change, `refused`: why it is none */
  release: { peer: "", view: null, seen: null, fault: null, fineness: null, text: null, check: null, refused: null },
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
  /** @type {{to: string, code: string, params: Record<string, string>, precedence: string, reason: string, text: string, line: string, answers: string}} */
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
  if (!asked) next();
}

function next() {
  asked = true;
  // A hidden document gets no animation frames, yet its title and sounds must follow.
  (document.hidden ? (/** @type {() => void} */ f) => setTimeout(f, 200) : requestAnimationFrame)(() => {
    if (isPressed()) return next();
    asked = false;
    watchers.forEach((watcher) => watcher());
  });
}
