// The map on the screen: its camera, its two canvases, and what a pointer or key does to it.

import { state, update } from "../store.js";
import { nodeNow } from "../clock.js";
import { isInverse } from "../flash.js";
import { t } from "../i18n.js";
import { stereographic } from "./project.js";
import { loadLand, shores } from "./basemap.js";
import { displayList, toScreen, trackAt } from "./display-list.js";
import { paint, palette } from "./painter.js";
import { paintGround, placedActivity, placedZone, takenByGround } from "./ground.js";
import { History } from "./history.js";
import { passes } from "./filter.js";
import { MARK } from "./tracks.js";
import { minimaOf } from "./minima.js";
import { nearness } from "./nearness.js";
import { handleAt, overlay, paintOverlay } from "./overlay.js";
import { activityAreas } from "./activities.js";
import { POINTS_MAX, cellsOf, firstWrong, outlines, volumesOf } from "./volume.js";

const [FARTHEST, NEAREST] = [0.05, 400]; // pixels a nautical mile

export class Situation {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.ground = /** @type {HTMLCanvasElement} */ (host.querySelector("#ground"));
    this.sky = /** @type {HTMLCanvasElement} */ (host.querySelector("#sky"));
    this.colours = palette();
    this.history = new History();
    /** @type {import("./display-list.js").Camera} */
    this.camera = { east: 0, north: 0, pxPerNm: 2, width: 1, height: 1 };
    /** @type {import("./project.js").Projection | null} */
    this.projection = null;
    /** @type {ArrayBuffer | null} */
    this.landBytes = null;
    /** @type {import("./basemap.js").Shore[]} */
    this.shores = [];
    /** @type {import("./display-list.js").DisplayList | null} */
    this.list = null;
    /** @type {any[]} zones and activities, placed */
    this.areas = [];
    /** @type {(east: number, north: number) => number} */
    this.nearness = () => 0;
    this.activitiesKey = "";
    this.view = "";
    this.groundKey = "";
    this.zonesOf = /** @type {any} */ (null);
    this.dragging = false;
    /** @type {unknown[]} what the map showed when it was last drawn */
    this.seen = [];
    this.gestures();
    new ResizeObserver(() => this.resize()).observe(host);
    loadLand().then((bytes) => {
      this.landBytes = bytes;
      this.project();
      update({});
    });
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.host;
    for (const canvas of [this.ground, this.sky]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const first = this.camera.width === 1;
    Object.assign(this.camera, { width, height });
    if (first) this.home();
    this.groundKey = "";
    this.draw();
  }

  /** Take the board's centre and range; they may change while running, and everything projected hangs on them. */
  project() {
    const board = state.board;
    if (!board) return;
    const view = [...board.centre_e7, board.range_nm].join();
    if (view !== this.view) {
      this.view = view;
      this.projection = stereographic(board.centre_e7[0] / 1e7, board.centre_e7[1] / 1e7);
      if (state.tracks) this.projection.project(state.tracks);
      this.history = new History(); // its places were in the old plane
      this.zonesOf = null;
      this.shores = [];
      this.home();
    }
    if (this.landBytes && this.projection && !this.shores.length) this.shores = shores(this.landBytes, this.projection);
    const activities = activityAreas(state.activities);
    const activitiesKey = JSON.stringify([activities, state.lang]);
    if ((this.zonesOf !== state.zones || activitiesKey !== this.activitiesKey) && this.projection) {
      this.zonesOf = state.zones;
      this.activitiesKey = activitiesKey;
      const projection = this.projection;
      const ids = board.parties.map((/** @type {any} */ party) => party.id);
      this.areas = [
        ...state.zones.map((zone) => placedZone(zone, projection, ids)),
        ...activities.map((row) => placedActivity(row, projection, ids, t(`area.${row.said}`))),
      ];
      this.nearness = nearness(this.areas, board.range_nm * 1.6);
      this.groundKey = "";
    }
  }

  /** A new frame has come. @param {import("./tracks.js").Tracks} tracks */
  frame(tracks) {
    this.project();
    if (!this.projection) return;
    this.projection.project(tracks);
    this.history.take(tracks);
  }

  home() {
    const range = state.board?.range_nm ?? 150;
    const { width, height } = this.camera;
    Object.assign(this.camera, { east: 0, north: 0, pxPerNm: Math.min(width, height) / 2 / range });
    this.draw();
  }

  /** @param {number} dx pixels @param {number} dy */
  pan(dx, dy) {
    this.camera.east += dx / this.camera.pxPerNm;
    this.camera.north -= dy / this.camera.pxPerNm;
    this.draw();
  }

  /** @param {number} factor @param {number} [x] pixels @param {number} [y] */
  zoom(factor, x = this.camera.width / 2, y = this.camera.height / 2) {
    const before = this.placeAt(x, y);
    this.camera.pxPerNm = Math.min(NEAREST, Math.max(FARTHEST, this.camera.pxPerNm * factor));
    const after = this.placeAt(x, y);
    this.camera.east += before.east - after.east;
    this.camera.north += before.north - after.north;
    this.draw();
  }

  /** Whether a row of the newest frame is on the screen. @param {number} i */
  sees(i) {
    const { tracks } = state;
    if (!tracks) return false;
    const screen = toScreen(this.camera);
    const [x, y] = [screen.x(tracks.east[i]), screen.y(tracks.north[i])];
    return x >= 0 && y >= 0 && x <= this.camera.width && y <= this.camera.height;
  }

  /** @param {number} x pixels @param {number} y */
  placeAt(x, y) {
    const { east, north, pxPerNm, width, height } = this.camera;
    return { east: east + (x - width / 2) / pxPerNm, north: north - (y - height / 2) / pxPerNm };
  }

  /** Bring a place, degrees, to the middle. @param {number} latitude @param {number} longitude */
  show(latitude, longitude) {
    if (!this.projection) return;
    const { east, north } = this.projection.forward(latitude, longitude);
    Object.assign(this.camera, { east, north });
    this.draw();
  }

  /** Draw when something the map shows has changed, or an alarm flashes. @param {boolean} flashing */
  refresh(flashing) {
    const beat = flashing ? Math.floor(nodeNow() / 500) : 0;
    const seen = [state.tracks, state.board, state.zones, state.show, state.selected, state.hovered, state.preview, state.follow, state.filter, state.measure, state.volume, state.measure && !state.measure.to ? state.cursor : null, state.activities, this.landBytes, beat];
    if (seen.every((part, k) => part === this.seen[k])) return;
    this.seen = seen;
    this.draw();
  }

  /** Put down what is to be seen, and paint it. */
  draw() {
    this.project();
    const began = performance.now();
    const context = this.sky.getContext("2d");
    const tracks = state.preview ? state.preview.tracks : state.tracks;
    const board = state.board;
    if (!context || !this.projection || !board || this.camera.width < 2) return;
    this.follow(tracks);
    this.paintGround(board);
    const ratio = devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.sky.width, this.sky.height);
    if (!tracks) return;
    const now = nodeNow();
    const partyNames = board.parties.map((/** @type {any} */ party) => party.name);
    this.list = displayList({
      tracks, now, camera: this.camera, party: board.party, show: state.show, selected: state.selected,
      // A peer's view has our alerts and history no more than the peer has them.
      alerts: state.preview ? [] : board.alerts, history: state.preview ? null : this.history,
      hovered: state.hovered, forward: this.projection.forward, quick: this.dragging,
      partyNames, madeUp: t(`badge.${board.badges.includes("RECONSTRUCTION") ? "RECONSTRUCTION" : "SYNTHETIC"}`), taken: takenByGround(state.show.zones ? this.areas : [], this.camera, partyNames),
      filter: state.preview ? undefined : state.filter, nearness: this.nearness, minimaOf,
    });
    paint(context, this.list, this.colours, { flashOn: isInverse(now), ratio });
    paintOverlay(context, this.overlaid(), this.colours);
    state.drawMs = performance.now() - began;
    const { shown, total, hidden, labelsLeftOut, dotsOnly } = this.list;
    state.shown = { tracks: shown, total, hidden, labelsLeftOut, dots: dotsOnly };
  }

  /** The measured line and the volume that is being prepared, in pixels. */
  overlaid() {
    const projection = /** @type {import("./project.js").Projection} */ (this.projection);
    const volume = /** @type {(import("./volume.js").Volume & {overlaps: unknown[]}) | null} */ (state.volume);
    const plane = (/** @type {[number, number]} */ [lat, lon]) => {
      const { east, north } = projection.forward(lat, lon);
      return [east, north];
    };
    const draft = volume && {
      rings: outlines(volume).map((ring) => ring.map(plane)),
      others: volumesOf(volume).flatMap((part, k) => (k === /** @type {any} */ (volume).at ? [] : outlines(part))).map((ring) => ring.map(plane)), handles: volume.points.map(plane), chosen: volume.chosen,
      spine: volume.shape === "corridor" ? volume.points.map(plane) : [], isWrong: firstWrong(volume) !== null || volume.overlaps.length > 0,
    };
    return overlay(this.measuring(), draft, toScreen(this.camera), projection.forward);
  }

  /** From a track, or from where it began, to what was clicked, else to the cursor, else to the middle of the map. */
  measuring() {
    const { measure, tracks, cursor } = state;
    if (!measure || !this.projection) return null;
    const row = measure.number === null ? undefined : tracks?.rowOf.get(measure.number);
    const from = row === undefined || !tracks ? measure.from : { lat: tracks.lat[row], lon: tracks.lon[row], kt: tracks.gsKt[row] };
    const { latitude, longitude } = cursor ?? this.projection.inverse(this.camera.east, this.camera.north);
    return { from, to: measure.to ?? { lat: latitude, lon: longitude } };
  }

  /** Begin to measure from the selected track, else from the cursor or the middle of the map; or end it. */
  measure() {
    if (!this.projection) return;
    const { latitude, longitude } = state.cursor ?? this.projection.inverse(this.camera.east, this.camera.north);
    update({ measure: state.measure ? null : { number: state.selected, from: { lat: latitude, lon: longitude }, to: null } });
  }

  /** What a click means now: the far end of a measure, a corner of a volume, else a track. @param {number} x @param {number} y */
  click(x, y) {
    const { latitude, longitude } = this.degreesAt(x, y);
    if (state.measure && !state.measure.to) update({ measure: { ...state.measure, to: { lat: latitude, lon: longitude } } });
    else if (state.volume) this.corner([latitude, longitude]);
    else {
      const tracks = state.preview ? state.preview.tracks : state.tracks;
      update({ selected: tracks ? trackAt(tracks, this.camera, x, y, state.preview ? undefined : state.filter) : null });
    }
  }

  /** One more corner of the volume, after the chosen one; of a circle, its centre. @param {[number, number]} point */
  corner(point) {
    const volume = /** @type {Record<string, any>} */ (state.volume);
    if (volume.shape === "circle") update({ volume: { ...volume, points: [point], chosen: 0 } });
    else if (volume.shape === "cells") this.cell(volume, point);
    else if (volume.points.length < POINTS_MAX) {
      const after = volume.chosen < 0 ? volume.points.length - 1 : volume.chosen;
      update({ volume: { ...volume, points: [...volume.points.slice(0, after + 1), point, ...volume.points.slice(after + 1)], chosen: after + 1 } });
    }
  }

  /** Put the cell of *point* in, or take it out. @param {Record<string, any>} volume @param {[number, number]} point */
  cell(volume, point) {
    const points = cellsOf([...volume.points, point]);
    const [middle] = cellsOf([point]);
    const without = volume.points.filter((/** @type {number[]} */ [lat, lon]) => lat !== middle[0] || lon !== middle[1]);
    update({ volume: { ...volume, points: points.length > volume.points.length ? points : without, chosen: -1 } });
  }

  /** @param {number} x @param {number} y @returns {{latitude: number, longitude: number}} degrees */
  degreesAt(x, y) {
    const { east, north } = this.placeAt(x, y);
    return /** @type {import("./project.js").Projection} */ (this.projection).inverse(east, north);
  }

  /** @param {import("./tracks.js").Tracks | null} tracks */
  follow(tracks) {
    const row = state.follow && state.selected !== null ? tracks?.rowOf.get(state.selected) : undefined;
    if (tracks && row !== undefined) Object.assign(this.camera, { east: tracks.east[row], north: tracks.north[row] });
  }

  /** @param {Record<string, any>} board */
  paintGround(board) {
    const { rings, zones } = state.show;
    const key = [...Object.values(this.camera), rings, zones, this.shores.length].join();
    const context = this.ground.getContext("2d", { alpha: false });
    if (key === this.groundKey || !context) return;
    this.groundKey = key;
    paintGround(context, {
      shores: this.shores, zones: this.areas, camera: this.camera, show: state.show, colours: this.colours,
      partyNames: board.parties.map((/** @type {any} */ party) => party.name), ratio: devicePixelRatio || 1,
    });
  }

  gestures() {
    /** @type {{x: number, y: number, moved: boolean, handle: number} | null} */
    let grip = null;
    const sky = this.sky;
    sky.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.projection) return;
      const handle = state.volume && state.volume.shape !== "cells" ? handleAt(this.overlaid().handles, event.offsetX, event.offsetY) : -1;
      if (handle >= 0) update({ volume: { ...state.volume, chosen: handle } });
      grip = { x: event.offsetX, y: event.offsetY, moved: false, handle };
      sky.setPointerCapture(event.pointerId);
    });
    sky.addEventListener("pointermove", (event) => {
      if (!grip) return this.point(event.offsetX, event.offsetY);
      const [dx, dy] = [event.offsetX - grip.x, event.offsetY - grip.y];
      if (!grip.moved && Math.hypot(dx, dy) < 4) return;
      Object.assign(grip, { x: event.offsetX, y: event.offsetY, moved: true });
      if (grip.handle >= 0 && state.volume) {
        const { latitude, longitude } = this.degreesAt(event.offsetX, event.offsetY);
        return update({ volume: { ...state.volume, points: state.volume.points.map((/** @type {any} */ point, /** @type {number} */ k) => (k === grip?.handle ? [latitude, longitude] : point)) } });
      }
      this.dragging = true;
      if (state.follow) update({ follow: false });
      this.pan(-dx, -dy);
    });
    const drop = (/** @type {PointerEvent} */ event) => {
      if (grip && !grip.moved && grip.handle < 0 && event.type === "pointerup") this.click(event.offsetX, event.offsetY);
      grip = null;
      this.dragging = false;
      this.draw();
    };
    sky.addEventListener("pointerup", drop);
    sky.addEventListener("pointercancel", drop);
    sky.addEventListener("pointerleave", () => update({ cursor: null, hovered: null }));
    sky.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
      update({});
    }, { passive: false });
  }

  /** @param {number} x @param {number} y */
  point(x, y) {
    if (!this.projection) return;
    const { east, north } = this.placeAt(x, y);
    const tracks = state.preview ? state.preview.tracks : state.tracks;
    update({ cursor: this.projection.inverse(east, north), hovered: tracks ? trackAt(tracks, this.camera, x, y, state.preview ? undefined : state.filter) : null });
  }

  /** The next track by distance from the middle, or the one before. @param {1 | -1} step */
  step(step) {
    const tracks = state.tracks;
    if (!tracks) return;
    const { east, north } = this.camera;
    const far = (/** @type {number} */ i) => Math.hypot(tracks.east[i] - east, tracks.north[i] - north);
    // Beyond (or within) the selected one the nearest to it; equals by their number. Past an end it begins at the other.
    const comes = (/** @type {number} */ i, /** @type {number} */ at, /** @type {number} */ n, /** @type {number} */ than) => (at - than) * step || (tracks.number[i] - n) * step;
    const chosen = state.selected === null ? undefined : tracks.rowOf.get(state.selected);
    const from = chosen === undefined ? null : { i: chosen, at: far(chosen) };
    /** @type {{i: number, at: number} | null} */ let next = null;
    /** @type {{i: number, at: number} | null} */ let first = null;
    for (let i = 0; i < tracks.n; i++) {
      if (tracks.flags[i] & MARK.SECONDARY || !passes(tracks, i, state.filter)) continue;
      const at = far(i);
      if (!first || comes(i, at, tracks.number[first.i], first.at) < 0) first = { i, at };
      if (from && comes(i, at, tracks.number[from.i], from.at) > 0 && (!next || comes(i, at, tracks.number[next.i], next.at) < 0)) next = { i, at };
    }
    const found = next ?? first;
    update({ selected: found ? tracks.number[found.i] : null });
  }
}
