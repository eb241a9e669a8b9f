// Figures as operators write them: UTC with Z, nautical miles, feet, degrees and decimal minutes. Never localised.

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/** @param {number | null | undefined} ms */
export function clock(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "--:--:--";
  const d = new Date(ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** @param {number | null | undefined} ms */
export const clockZ = (ms) => `${clock(ms)}Z`;

/** Time until *ms*: `1:42`, over an hour `1:05:00`, in the past `-0:12`. @param {number} ms @param {number} now */
export function countdown(ms, now) {
  if (!Number.isFinite(ms) || !Number.isFinite(now)) return "-:--";
  return span((ms - now) / 1000);
}

/** @param {number} seconds */
export function span(seconds) {
  const s = Math.abs(Math.trunc(seconds));
  const sign = seconds <= -1 ? "-" : "";
  const tail = `${two(Math.trunc(s / 60) % 60)}:${two(s % 60)}`;
  return sign + (s >= 3600 ? `${Math.trunc(s / 3600)}:${tail}` : tail.replace(/^0/, ""));
}

/** @param {number} metres */
export const miles = (metres) => `${(metres / 1852).toFixed(metres < 18520 ? 1 : 0)} NM`;

/** `43°41.2N 036°08.5E` @param {number} latitude degrees @param {number} longitude degrees */
export function position(latitude, longitude) {
  const part = (/** @type {number} */ v, /** @type {number} */ width, /** @type {string} */ marks) => {
    const tenths = Math.round(Math.abs(v) * 600);
    const minutes = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
    return `${String(Math.trunc(tenths / 600)).padStart(width, "0")}°${minutes}${marks[v < 0 ? 1 : 0]}`;
  };
  return `${part(latitude, 2, "NS")} ${part(longitude, 3, "EW")}`;
}

/** Level in hundreds of feet. @param {number | null} feet */
export const level = (feet) =>
  feet === null ? "---" : feet < 0 ? `-${String(Math.round(-feet / 100)).padStart(2, "0")}` : String(Math.round(feet / 100)).padStart(3, "0");

/** `2026-12-01 14:30`, UTC. @param {number} ms */
export const stampOf = (ms) => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : "");

/** The same read: NaN when it is none. @param {string} text */
export const instantOf = (text) => (/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d$/.test(text.trim()) ? Date.parse(`${text.trim().replace(" ", "T")}:00Z`) : NaN);

/** A count in groups of three: `18 442`. @param {number} n */
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u00a0");

/** The first bytes of a digest, in groups of four. @param {string | null} base64 */
export const digest = (base64) => digestWhole(base64).slice(0, 9);

/** All of it, in the same way: a title beside the short one. @param {string | null} base64 */
export function digestWhole(base64) {
  if (!base64) return "";
  try {
    const hex = Array.from(atob(base64), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
    return hex.replace(/(.{4})(?=.)/g, "$1 ");
  } catch {
    return base64;
  }
}

/** Age in whole words of a second: `0.4 s`, `14 s`, `3:20`. @param {number | null} ms @param {number} now */
export function age(ms, now) {
  if (ms === null || !Number.isFinite(now)) return "-";
  const s = Math.max(0, (now - ms) / 1000);
  return s < 10 ? `${s.toFixed(1)} s` : s < 100 ? `${Math.trunc(s)} s` : span(s);
}
