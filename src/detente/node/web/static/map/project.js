// Oblique stereographic about a fixed centre: circles stay circles, there is no date line and no pole, and pan and zoom
// are one affine transform of what was projected once. Nautical miles east and north of the centre, on the mean sphere.
// Source: Snyder, Map Projections: A Working Manual (1987), equations 21-2 to 21-4 and 20-14 to 20-18.

export const RADIUS_NM = 6371.0088 / 1.852;
const RAD = Math.PI / 180;
const FAR = -0.9; // cosine of the angle from the centre past which a place is pulled in: the antipode has no image
const RIM_NM = (2 * RADIUS_NM * Math.sqrt(1 - FAR * FAR)) / (1 + FAR);

/**
 * @param {number} latitude centre, degrees
 * @param {number} longitude centre, degrees
 */
export function stereographic(latitude, longitude) {
  const sin0 = Math.sin(latitude * RAD);
  const cos0 = Math.cos(latitude * RAD);
  const place = { east: 0, north: 0, lean: 0 };

  /** @param {number} lat degrees @param {number} lon degrees @returns {{east: number, north: number, lean: number}} one shared value */
  function forward(lat, lon) {
    const sin = Math.sin(lat * RAD);
    const cos = Math.cos(lat * RAD);
    const turn = (lon - longitude) * RAD;
    const cosTurn = Math.cos(turn);
    const cosAngle = sin0 * sin + cos0 * cos * cosTurn;
    // Past FAR every place is put on the rim, in its own direction.
    const k = cosAngle < FAR ? RIM_NM / Math.sqrt(Math.max(1e-12, 1 - cosAngle * cosAngle)) : (2 * RADIUS_NM) / (1 + cosAngle);
    place.east = k * cos * Math.sin(turn);
    place.north = k * (cos0 * sin - sin0 * cos * cosTurn);
    // Away from the centre a course of 000 is not straight up: meridians lean towards the pole, three degrees at 200 NM.
    place.lean = Math.atan2((sin0 + sin) * Math.sin(turn), cos0 * cos + (1 + sin0 * sin) * cosTurn);
    return place;
  }

  /** @param {number} east NM @param {number} north NM @returns {{latitude: number, longitude: number}} degrees */
  function inverse(east, north) {
    const rho = Math.hypot(east, north);
    if (rho === 0) return { latitude, longitude };
    const angle = 2 * Math.atan2(rho, 2 * RADIUS_NM);
    const sin = Math.sin(angle);
    const cos = Math.cos(angle);
    const lat = Math.asin(cos * sin0 + (north * sin * cos0) / rho) / RAD;
    const turn = Math.atan2(east * sin, rho * cos0 * cos - north * sin0 * sin) / RAD;
    return { latitude: lat, longitude: ((longitude + turn + 540) % 360) - 180 };
  }

  /** Fill `east`, `north` and `lean` of *tracks*. @param {import("./tracks.js").Tracks} tracks */
  function project(tracks) {
    for (let i = 0; i < tracks.n; i++) {
      forward(tracks.lat[i], tracks.lon[i]);
      tracks.east[i] = place.east;
      tracks.north[i] = place.north;
      tracks.lean[i] = place.lean;
    }
  }

  return { forward, inverse, project };
}

/** @typedef {ReturnType<typeof stereographic>} Projection */

/** Great-circle distance and bearing. @param {{lat: number, lon: number}} a @param {{lat: number, lon: number}} b */
export function bearing(a, b) {
  const turn = (b.lon - a.lon) * RAD;
  const [sinA, cosA] = [Math.sin(a.lat * RAD), Math.cos(a.lat * RAD)];
  const [sinB, cosB] = [Math.sin(b.lat * RAD), Math.cos(b.lat * RAD)];
  const east = Math.sin(turn) * cosB;
  const north = cosA * sinB - sinA * cosB * Math.cos(turn);
  const up = sinA * sinB + cosA * cosB * Math.cos(turn);
  return {
    degrees: (Math.atan2(east, north) / RAD + 360) % 360,
    miles: RADIUS_NM * Math.atan2(Math.hypot(east, north), up),
  };
}
