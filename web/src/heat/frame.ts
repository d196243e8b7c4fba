/** The scene's local frame, metres east and north of its anchor, as `src/geo/frame.rs` has it: every screen measures the same distances. */

/** WGS 84 (EPSG:7030): semi-major axis in metres, flattening. */
const A_M = 6_378_137;
const F = 1 / 298.257_223_563;
const E2 = F * (2 - F);
const DEGREE = Math.PI / 180;

/** Metres east and north of the anchor; where heights count, also how high over the lowest sensor, in the metres aside that it counts as. */
export type Place = readonly [east: number, north: number, up?: number];

export interface Anchor {
  lon_deg: number;
  lat_deg: number;
  height_m: number;
}

export interface Frame {
  toMetres(lon: number, lat: number): Place;
  toDegrees(place: Place): [lon: number, lat: number];
}

type Vector = readonly [number, number, number];

/** Geodetic to Earth-centred, Earth-fixed (EPSG Guidance Note 7-2, method 9602). */
function ecef(lon: number, lat: number, height_m: number): Vector {
  const [sinLat, cosLat] = [Math.sin(lat * DEGREE), Math.cos(lat * DEGREE)];
  const [sinLon, cosLon] = [Math.sin(lon * DEGREE), Math.cos(lon * DEGREE)];
  const n = A_M / Math.sqrt(1 - E2 * sinLat * sinLat);
  return [(n + height_m) * cosLat * cosLon, (n + height_m) * cosLat * sinLon, (n * (1 - E2) + height_m) * sinLat];
}

/** The inverse, Bowring's formula: under a millimetre near the ground. */
function geodetic([x, y, z]: Vector): [lon: number, lat: number] {
  const b = A_M * (1 - F);
  const rho = Math.hypot(x, y);
  const theta = Math.atan2(z * A_M, rho * b);
  const over = z + ((A_M * A_M - b * b) / (b * b)) * b * Math.sin(theta) ** 3;
  const lat = Math.atan2(over, rho - E2 * A_M * Math.cos(theta) ** 3);
  return [Math.atan2(y, x) / DEGREE, lat / DEGREE];
}

export function localFrame({ lon_deg, lat_deg, height_m }: Anchor): Frame {
  const [sinLat, cosLat] = [Math.sin(lat_deg * DEGREE), Math.cos(lat_deg * DEGREE)];
  const [sinLon, cosLon] = [Math.sin(lon_deg * DEGREE), Math.cos(lon_deg * DEGREE)];
  const east: Vector = [-sinLon, cosLon, 0];
  const north: Vector = [-sinLat * cosLon, -sinLat * sinLon, cosLat];
  const origin = ecef(lon_deg, lat_deg, height_m);
  const along = (axis: Vector, p: Vector): number =>
    axis[0] * (p[0] - origin[0]) + axis[1] * (p[1] - origin[1]) + axis[2] * (p[2] - origin[2]);
  return {
    toMetres(lon, lat) {
      const p = ecef(lon, lat, 0);
      return [along(east, p), along(north, p)];
    },
    toDegrees([x, y]) {
      const at = (i: 0 | 1 | 2): number => origin[i] + x * east[i] + y * north[i];
      return geodetic([at(0), at(1), at(2)]);
    },
  };
}
