// The console begins here: language, seat, codebook, the live connection, and one drawing of everything a frame.

import { html, render } from "./html.js";
import { state, update, watch } from "./store.js";
import { speak, chosenLanguage, t } from "./i18n.js";
import { ask, isReadOnly, previewOf, signIn } from "./orders.js";
import { pageNotice, tellBad, tellNoMore } from "./notice.js";
import { stepDialog } from "./step-up.js";
import { hearOfSession, keepSession, lockBanner, sessionsDialog, showSessions, signInPage, takeCode } from "./sign-in.js";
import { firstRun, greet } from "./first-run.js";
import { live } from "./live.js";
import { readFrame } from "./map/tracks.js";
import { Situation } from "./map/situation.js";
import { nextLabels, nextVector, over, set } from "./map/over.js";
import { keepActivities } from "./map/activities.js";
import { keepMinima } from "./map/minima.js";
import { newVolume, volumeOfActivity, volumeOfPlace } from "./map/volume-form.js";
import { top } from "./top.js";
import { strip } from "./strip.js";
import { alerts, tickAlerts } from "./panels/alerts.js";
import { hotline, isLoud, tickHotline } from "./panels/hotline.js";
import { link } from "./panels/link.js";
import { feeds } from "./panels/feeds.js";
import { released } from "./panels/release.js";
import { timeline } from "./panels/timeline.js";
import { replayBar } from "./replay/bar.js";
import { replayInto, tell } from "./replay/play.js";
import { switchOff } from "./replay/orders-off.js";
import { isWall, wallPeers, wallQueue } from "./wall.js";
import { keepTable } from "./tables/load.js";
import { explain, keepWhy, why } from "./explain/why.js";
import { listen } from "./keys.js";
import { keepingFocus } from "./focus.js";
import { lookForRows } from "./painted.js";
import { say } from "./say.js";
import { silence, sound } from "./sound.js";
import { isOpen, mostUrgent } from "./alert-words.js";

const at = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
export const situation = new Situation(at("#map"));

/** @typedef {Record<string, any>} Row */

let sat = Promise.resolve();

export const acts = {
  /** @param {string} lang */
  speak: async (lang) => {
    try {
      if (await speak(lang)) update({ lang });
      tellNoMore("language");
    } catch {
      tellBad(t("node.no_answer"), "language");
    }
  },
  /** Seats taken one after the other; one that was chosen past while another was being taken is not taken. @param {string} role */
  sit: (role) => {
    update({ sitting: role });
    sat = sat.then(async () => {
      if (state.sitting !== role) return;
      try {
        await signIn(role);
        tellNoMore("seat");
        connection.again();
      } catch (fault) {
        tellBad(/** @type {Error} */ (fault).message, "seat");
      }
      if (state.sitting === role) update({ sitting: null });
    });
  },
  /** @param {Row} row */
  showAlert: (row) => {
    reveal("map");
    situation.show(row.latitude_e7 / 1e7, row.longitude_e7 / 1e7);
    update({ focusAlert: row.alert, selected: row.a.number ?? state.selected, follow: false });
  },
  /** @param {string | null} peer */
  preview: (peer) =>
    previewOf(peer, (bytes) => {
      const tracks = readFrame(bytes);
      situation.projection?.project(tracks);
      return tracks;
    }),
  /** @param {number} number */
  see: (number) => {
    const row = state.tracks?.rowOf.get(number);
    if (row !== undefined && state.tracks) situation.show(state.tracks.lat[row], state.tracks.lon[row]);
    update({ selected: number });
  },
  /** @param {Row} area a zone or an activity */
  showArea: (area) => {
    reveal("map");
    const corners = area.rings.flat();
    const middle = (/** @type {number} */ k) => corners.reduce((/** @type {number} */ sum, /** @type {number[]} */ corner) => sum + corner[k], 0) / corners.length / 1e7;
    situation.show(middle(0), middle(1));
    update({ follow: false });
  },
  /** @param {string} message */
  showMessage: (message) => {
    reveal("right");
    const row = /** @type {HTMLElement | null} */ (document.querySelector(`#hotline [data-message="${CSS.escape(message)}"]`));
    row?.scrollIntoView({ block: "center" });
    at("#hotline").focus({ preventScroll: true });
  },
  /** @param {number} i row of the newest frame */
  inView: (i) => situation.sees(i),
  get camera() {
    return situation.camera;
  },
  measure: () => situation.measure(),
  volume: () => {
    reveal("map");
    update({ volume: state.volume ? null : newVolume() });
  },
  newActivity: () => {
    reveal("map");
    update({ volume: newVolume() });
  },
  /** Open an own activity on the map, to be changed there. @param {Row} row */
  changeActivity: (row) => {
    acts.showArea({ rings: row.volumes.flatMap((/** @type {Row} */ volume) => volume.rings) });
    update({ volume: volumeOfActivity(row) });
  },
  /** Open the place itself of what one protects, to be drawn and given. @param {Row} row */
  givePlace: (row) => {
    acts.showArea({ rings: row.volumes.flatMap((/** @type {Row} */ volume) => volume.rings) });
    update({ volume: volumeOfPlace(row) });
  },
  showTables: () => showView("tables"),
  sessions: showSessions,
  turnView: () => showView(state.view === "tables" ? "map" : "tables"),
  /** @param {"map" | "tables" | "record" | "release"} view */
  open: (view) => showView(view),
  explain,
  /** @param {string} alert */
  export: async (alert) => {
    showView("record");
    (await whenLater).aboutAlert(alert);
  },
  showMap: () => showView("map"),
  home: () => {
    situation.home();
    update({ follow: false });
  },
  /** @param {number} factor */
  zoom: (factor) => {
    situation.zoom(factor);
    update({});
  },
};

/** Pages that take the map's place, and that of the panels beside it. */
const SHEETS = /** @type {const} */ ({ tables: () => later?.tables(acts), record: () => later?.record(acts), release: () => later?.release(acts) });

/** What the first picture does not need, a third of all files. It comes right after it, before anybody can ask for it. @type {Record<string, any> | null} */
let later = null;
/** @type {(files: Record<string, any>) => void} */
let isHere = () => undefined;
/** @type {Promise<Record<string, any>>} for what is pressed before they are here all the same */
const whenLater = new Promise((done) => (isHere = done));

async function fetchLater() {
  while (!later) {
    try {
      const [sheet, acting, records, recordsKept, dossier, releasing, releaseKept, helping] = await Promise.all([
        import("./tables/page.js"), import("./tables/act-dialog.js"), import("./record/page.js"), import("./record/load.js"),
        import("./record/dossier.js"), import("./release/page.js"), import("./release/load.js"), import("./help.js"),
      ]);
      later = {
        tables: sheet.tables, actDialog: acting.actDialog, record: records.record, keepRecord: recordsKept.keepRecord,
        aboutAlert: dossier.aboutAlert, release: releasing.release, keepRelease: releaseKept.keepRelease, help: helping.help,
      };
    } catch (fault) {
      tellBad(/** @type {Error} */ (fault).message, "later");
      await new Promise((done) => setTimeout(done, 1000)); // a node that is starting again
    }
  }
  isHere(later);
  tellNoMore("later");
  update({});
}
const PARTS = /** @type {const} */ (["left", "map", "right"]);
const PAGES = /** @type {const} */ (["link", "feeds", "release"]);

function right() {
  if (state.replay) return html`${hotline()}<section class="panel pages"><p class="empty">${t("replay.not_here")}</p></section>`;
  const page = { link: () => link(acts), feeds, release: () => released(acts) }[state.page];
  const turn = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = PAGES[(PAGES.indexOf(state.page) + step + PAGES.length) % PAGES.length];
    update({ page: next });
    at(`#tab-${next}`).focus();
  };
  return html`${hotline()}
    <section class="panel pages" aria-label=${t("pages.title")}>
      <div class="tabs" role="tablist" aria-label=${t("pages.title")} onKeyDown=${turn}>${PAGES.map((name, k) => html`<button key=${name} id=${`tab-${name}`} type="button" role="tab" aria-selected=${state.page === name} aria-controls="page" tabindex=${state.page === name ? 0 : -1} onClick=${() => update({ page: name })}>${t(`page.${name}`)} <kbd>${k + 5}</kbd></button>`)}</div>
      <div id="page" class="scrolls" role="tabpanel" tabindex="0" aria-labelledby=${`tab-${state.page}`}>${page()}</div>
    </section>`;
}

let wasReadOnly = false;

function draw() {
  const board = state.board;
  const open = ((state.replay ? state.live.board : board)?.alerts ?? []).filter(isOpen);
  const alarm = open.some((/** @type {Row} */ row) => row.level === "alarm");
  document.body.classList.toggle("stopped-picture", state.link !== "live");
  document.body.classList.toggle("replay", (board?.badges ?? []).some((/** @type {string} */ b) => b.startsWith("REPLAY")));
  const renewed = wasReadOnly && !isReadOnly();
  if (renewed) ["#strip", "#left", "#right", "#top", "#dialogs"].forEach((part) => render(null, at(part))); // what was switched off is made anew
  wasReadOnly = isReadOnly();
  document.body.classList.toggle("dim", state.show.dim);
  document.body.dataset.part = state.part;
  document.body.classList.toggle("at-sheet", state.view !== "map");
  render(html`<div class="bar">${top(acts)}${soundBadge()}</div>`, at("#top"));
  render(strip(acts), at("#strip"));
  render(html`<div class="column">${state.isWall ? wallQueue() : alerts(acts)}</div>`, at("#left"));
  tickAlerts(at("#left"));
  render(html`<div class="column">${state.isWall ? wallPeers() : right()}</div>`, at("#right"));
  tickHotline(at("#right"));
  situation.refresh(alarm);
  render(html`<div class="over">${over(acts)}</div>`, at("#over"));
  render(html`<div>${timeline(acts)}${replayBar()}</div>`, at("#time"));
  render(html`<div class="tabs" role="group" aria-label=${t("narrow.title")}>${PARTS.map((part) => html`<button key=${part} type="button" aria-pressed=${state.part === part} onClick=${() => update({ part })}>${t(`narrow.${part}`)}</button>`)}</div>`, at("#narrow"));
  for (const [name, sheet] of Object.entries(SHEETS)) {
    at(`#${name}`).hidden = state.view !== name;
    if (state.view === name) render(html`<div class="tables">${sheet()}</div>`, at(`#${name}`));
  }
  keepTable();
  later?.keepRecord();
  later?.keepRelease();
  keepWhy();
  keepActivities();
  keepMinima();
  render(html`<div>${later?.help()}${later?.actDialog()}${why()}${sessionsDialog()}${stepDialog()}${lockBanner()}${firstRun()}${signInPage(acts)}${pageNotice()}</div>`, at("#dialogs"));
  names();
  if (isReadOnly()) switchOff();
  else lookForRows(renewed);
  const now = state.replay ? state.live.board : board; // a desk that looks back still hears
  say(now?.alerts ?? []);
  sound(alarm || (now?.messages ?? []).some(isLoud) || state.link === "stopped");
  document.title = `${open.length ? `(${open.length}) ` : ""}${board?.party_name ?? ""} Détente`.trim();
  if (board && state.tracks && situation.list && later) document.documentElement.dataset.ready = "";
}

const soundBadge = () => (state.sound === "on" ? "" : html`<span class="badge warn sound" title=${state.sound === "off" ? t("sound.off") : t("sound.silenced")}>${state.sound === "off" ? t("sound.off") : t("sound.silenced")}</span>`);

const NARROW = matchMedia("(max-width: 1279px)");

/** Landmarks and the map speak the desk's language too; in a narrow window the part that is seen is the main one. */
function names() {
  for (const part of ["left", "right"]) {
    at(`#${part}`).setAttribute("role", NARROW.matches && state.part === part && state.view === "map" ? "main" : "complementary");
  }
  const sky = at("#sky");
  sky.setAttribute("aria-label", t("map.name", { shown: state.shown.tracks, total: state.shown.total }));
  for (const [selector, key] of /** @type {const} */ ([["#strip", "strip.name"], ["#left", "alerts.title"], ["#right", "pages.right"], ["#map", "map.landmark"], ["#narrow", "narrow.title"], ["#time", "replay.title"], ["#tables", "table.title"], ["#record", "record.title"], ["#release", "release.title"]])) {
    at(selector).setAttribute("aria-label", t(key));
  }
}

/** In a narrow window only one part is seen. @param {"left" | "map" | "right"} part */
function reveal(part) {
  document.body.dataset.part = part;
  document.body.classList.remove("at-sheet");
  for (const name of Object.keys(SHEETS)) at(`#${name}`).hidden = true;
  update({ part, view: "map" });
}

/** The map, or a page in its place. @param {"map" | "tables" | "record" | "release"} view */
function showView(view) {
  if (view !== "map" && isReadOnly()) return; // what stands on those pages stands there now
  update({ view });
  requestAnimationFrame(() => requestAnimationFrame(() => at(view === "map" ? "#sky" : `#${view}`).focus()));
}

/** @param {"link" | "feeds" | "release"} page */
function turnTo(page) {
  reveal("right");
  update({ page });
  requestAnimationFrame(() => at("#page").focus());
}

const pan = (/** @type {number} */ x, /** @type {number} */ y) => {
  situation.pan(x * 80, y * 80);
  update({ follow: false });
};

function keyboard() {
  if (state.isWall) return;
  const focus = (/** @type {string} */ selector) => () => {
    reveal(/** @type {"left" | "map" | "right"} */ (at(selector).closest("#left, #map, #right")?.id));
    at(selector).focus();
  };
  const flip = (/** @type {"trails" | "rings" | "zones" | "lines"} */ name) => () => set(name, !state.show[name]);
  listen({
    alerts: focus("#alerts"), conflicts: focus("#conflicts"), map: focus("#sky"), hotline: focus("#hotline"),
    link: () => turnTo("link"), feeds: () => turnTo("feeds"), release: () => turnTo("release"), tables: () => showView("tables"), record: () => showView("record"), policy: () => showView("release"),
    urgent: () => {
      reveal("left");
      const row = mostUrgent(state.board?.alerts ?? []);
      const own = row && document.querySelector(`[data-acknowledge="${CSS.escape(row.alert)}"]`);
      /** @type {HTMLElement | null} */ (own ?? document.querySelector("#strip-acknowledge"))?.focus();
    },
    show: () => {
      const name = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-alert]"))?.dataset.alert;
      const row = state.board?.alerts.find((/** @type {Row} */ r) => r.alert === name) ?? mostUrgent(state.board?.alerts ?? []);
      if (row) acts.showAlert(row);
    },
    why: () => {
      const name = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-alert]"))?.dataset.alert ?? mostUrgent(state.board?.alerts ?? [])?.alert;
      if (name) explain(name);
    },
    silence, previous: () => situation.step(-1), next: () => situation.step(1),
    find: () => {
      update({ tracksListed: true });
      requestAnimationFrame(() => requestAnimationFrame(() => at("#find")?.focus()));
    },
    measure: acts.measure,
    close: () => update(state.measure ? { measure: null } : state.volume ? { volume: null } : state.filtering ? { filtering: false } : state.tracksListed ? { tracksListed: false } : state.notice ? { notice: null } : { selected: null, focusAlert: null, follow: false }),
    closer: () => acts.zoom(1.4), farther: () => acts.zoom(1 / 1.4), home: acts.home,
    follow: () => update({ follow: !state.follow }), vectors: nextVector, labels: nextLabels,
    trails: flip("trails"), rings: flip("rings"), zones: flip("zones"), lines: flip("lines"),
    play: () => tell({ does: "turn" }), back: () => tell({ does: "step", ms: -1000 }), on: () => tell({ does: "step", ms: 1000 }),
    back_min: () => tell({ does: "step", ms: -60_000 }), on_min: () => tell({ does: "step", ms: 60_000 }),
    help: () => update({ help: true }),
  });
  at("#sky").addEventListener("keydown", (event) => {
    const step = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], a: [-1, 0], d: [1, 0], w: [0, -1], s: [0, 1] })[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    pan(...step);
    event.preventDefault();
  });
}

/** Take the seat that this browser has, or the demo's first; without one the way in is shown until somebody has come. */
async function seat() {
  if (!state.session.role) await hearOfSession(() => ask("/api/session"));
  if (!state.session.role && state.session.demo) await signIn(state.session.roles[0]);
  if (!state.session.role) return false;
  update({ codebook: await ask("/api/codebook") });
  return true;
}

/** Whether there is a seat now; a node that is still starting is asked again. */
async function seated() {
  try {
    const sits = await seat();
    if (sits) tellNoMore("seat");
    return sits;
  } catch (fault) {
    tellBad(/** @type {Error} */ (fault).message, "seat");
    return false;
  }
}

/** @type {{again: () => void}} */
let connection = { again: () => undefined };

/** No file is taken here, and one that is dropped must not take the console's place. */
function refuseFiles() {
  for (const kind of /** @type {const} */ (["dragover", "drop"])) {
    addEventListener(kind, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
  }
}

async function begin() {
  refuseFiles();
  state.isWall = isWall();
  document.body.classList.toggle("wall", state.isWall);
  const lang = chosenLanguage();
  while (!(await speak(lang).catch(() => false))) await new Promise((done) => setTimeout(done, 1000)); // a node that is starting again
  update({ lang });
  watch(() => keepingFocus(draw));
  draw();
  keyboard();
  setInterval(() => update({}), 500);
  takeCode();
  while (!(await seated())) await new Promise((done) => setTimeout(done, 1000));
  let sitting = state.session.session;
  replayInto((tracks) => situation.frame(tracks));
  connection = live((tracks) => (state.replay ? situation.projection?.project(tracks) : situation.frame(tracks)));
  watch(() => {
    if (!state.session.role || state.session.session === sitting) return;
    sitting = state.session.session; // whoever signs in next sees the board of their own seat
    connection.again();
  });
  keepSession();
  greet();
  fetchLater();
}

begin();
