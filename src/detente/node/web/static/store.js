// What the console knows, in one value. Views read it; everything that happens goes through `update`.

/**
 * @typedef {import("./map/tracks.js").Tracks} Tracks
 * @typedef {Record<string, any>} Row  one row of the node's board, as `detente.desk.board` defines it
 */

export const state = {
  /** @type {Row | null} */ board: null,
  /** @type {Row[]} */ zones: [],
  /** @type {Tracks | null} */ tracks: null,
  /** @type {Row} */ session: { role: null, token: null, roles: [], demo: false, kind: "", locked: false },
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
  /** @type {{text: string, bad: boolean} | null} */ notice: null,
  /** @type {"link" | "feeds" | "release"} */ page: "link",
  /** @type {"left" | "map" | "right"} which part a narrow window shows */ part: "map",
  /** @type {"map" | "tables"} the large part of the desk */ view: "map",
  /** @type {{chosen: string, view: Row | null, powers: Row[] | null, fault: string | null}} the open table */
  table: { chosen: "", view: null, powers: null, fault: null },
  /** @type {Row | null} an act at the table that is being prepared: `{act, fixed, shown, about, values, refusal, sure}` */ act: null,
  lang: "en",
  help: false,
  tracksListed: false,
  follow: false,
  find: "",
  sound: "off",
  drawMs: 0,
  show: { vectorMin: 2, trails: false, rings: true, zones: true, labels: "auto", lines: false, dim: false },
  /** @type {Row} what the map last showed */ shown: { tracks: 0, total: 0, labelsLeftOut: 0, dots: false },
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
