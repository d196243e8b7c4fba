/** Between the shared orbit camera (metres, 35 degrees vertical field of view) and MapLibre's centre, zoom, bearing and pitch. */

import type { CameraPose } from "../protocol";
import { remEuclid } from "../tour/tour";

/** Vertical field of view of every screen (LOOK section 2), degrees. */
export const FOV_DEG = 35;
/** MapLibre's world is this many pixels wide at zoom 0. */
const TILE_PX = 512;
/** WGS 84 equator, metres: Web Mercator's circumference. */
const EQUATOR_M = 40_075_016.685_578_49;
/** Beyond this tilt a phone's picture is mostly horizon, and MapLibre draws far too many tiles. */
export const MAX_TILT_DEG = 65;

export interface MapCamera {
  center: [number, number];
  zoom: number;
  bearing: number;
  /** Degrees from straight down. */
  pitch: number;
}

/** Distance from the eye to the centre of the picture in pixels, for a picture `heightPx` high. */
const eyePx = (heightPx: number): number => heightPx / 2 / Math.tan((FOV_DEG * Math.PI) / 360);

const metresPerPixelAtZoom0 = (lat: number): number => (EQUATOR_M * Math.cos((lat * Math.PI) / 180)) / TILE_PX;

/** Same distance to the target on a map `heightPx` CSS pixels high. */
export function toMapCamera(pose: CameraPose, heightPx: number): MapCamera {
  const zoom = Math.log2((metresPerPixelAtZoom0(pose.lat) * eyePx(heightPx)) / Math.max(pose.distance_m, 1));
  return {
    center: [pose.lon, pose.lat],
    zoom,
    bearing: pose.heading_deg > 180 ? pose.heading_deg - 360 : pose.heading_deg,
    pitch: Math.min(Math.max(90 - pose.pitch_deg, 0), MAX_TILT_DEG),
  };
}

/** The inverse; `height_m` of the target is the one last seen, because the map is flat. */
export function toPose(camera: MapCamera, heightPx: number, height_m: number): CameraPose {
  const [lon, lat] = camera.center;
  return {
    lon,
    lat,
    height_m,
    heading_deg: remEuclid(camera.bearing, 360),
    pitch_deg: 90 - camera.pitch,
    distance_m: (metresPerPixelAtZoom0(lat) * eyePx(heightPx)) / 2 ** camera.zoom,
  };
}
