// Two straight courses in the map's plane: where each will be, when they come nearest, and how long they are inside a
// minimum. A picture of the prediction for the eye; the verdict is the node's, which judges by its own arithmetic.

import { feetOf } from "./tracks.js";

export const AHEAD_MAX_S = 1800; // as far as the node itself looks

/** @typedef {{east: number, north: number, vEast: number, vNorth: number, feet: number | null, climbFps: number}} Course NM and NM a second; feet and feet a second */

/** Where a track goes if nothing changes; null when its velocity is not known. @param {import("./tracks.js").Tracks} tracks @param {number} i row @returns {Course | null} */
export function courseOf(tracks, i) {
  const speed = tracks.gsKt[i] / 3600;
  const heading = (tracks.trkDeg[i] * Math.PI) / 180 - tracks.lean[i];
  if (!Number.isFinite(speed) || !Number.isFinite(heading)) return null;
  const climb = tracks.vsFpm[i] / 60;
  return {
    east: tracks.east[i], north: tracks.north[i], vEast: speed * Math.sin(heading), vNorth: speed * Math.cos(heading),
    feet: feetOf(tracks, i), climbFps: Number.isFinite(climb) ? climb : 0,
  };
}

/** @param {Course} course @param {number} s seconds from now @returns {[number, number]} NM east and north */
export const placeIn = (course, s) => [course.east + course.vEast * s, course.north + course.vNorth * s];

/** When they come nearest, not before now, and how near. @param {Course} a @param {Course} b @returns {{inS: number, miles: number}} */
export function nearest(a, b) {
  const [x, y, vx, vy] = [b.east - a.east, b.north - a.north, b.vEast - a.vEast, b.vNorth - a.vNorth];
  const speed2 = vx * vx + vy * vy;
  const inS = speed2 > 0 ? Math.min(AHEAD_MAX_S, Math.max(0, -(x * vx + y * vy) / speed2)) : 0;
  return { inS, miles: Math.hypot(x + vx * inS, y + vy * inS) };
}

/** From when until when they are nearer than *miles*, seconds from now; null never. @param {Course} a @param {Course} b @param {number} miles @returns {[number, number] | null} */
export function within(a, b, miles) {
  const [x, y, vx, vy] = [b.east - a.east, b.north - a.north, b.vEast - a.vEast, b.vNorth - a.vNorth];
  const speed2 = vx * vx + vy * vy;
  const apart2 = x * x + y * y - miles * miles;
  if (speed2 === 0) return apart2 < 0 ? [0, AHEAD_MAX_S] : null;
  const half = x * vx + y * vy;
  const root = half * half - speed2 * apart2;
  if (root <= 0) return null;
  const [from, to] = [(-half - Math.sqrt(root)) / speed2, (-half + Math.sqrt(root)) / speed2];
  return to <= 0 || from >= AHEAD_MAX_S ? null : [Math.max(0, from), Math.min(AHEAD_MAX_S, to)];
}
