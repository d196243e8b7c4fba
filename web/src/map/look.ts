/** Values of LOOK (the project's art direction) that the map draws with; the CSS has its own few in `look.css`. */

import type { Severity, Unit } from "../protocol";

export const SEVERITY_COLOUR: Record<Severity, string> = {
  critical: "#FF4D4F",
  major: "#FF9F1C",
  minor: "#FFD166",
  info: "#4DA3FF",
};

/** Kept away from the four severities, so that a colour means one thing. */
export const UNIT_COLOUR: Record<Unit["state"] | "stale", string> = {
  available: "#63D2B4",
  en_route: "#C3B1FF",
  on_scene: "#F4F7FB",
  off_duty: "#8592A3",
  stale: "#8592A3",
};

export const LAND = "#121A24";
export const PARK = "#15241F";
export const WATER = "#0C2A3D";
export const ROAD = "#243040";
export const BRIDGE = "#2E3B4C";
export const FOOTPRINT = "#222A35";
export const BORDER = "#7F93AB";
export const COURSE = "#E9F1F7";
export const TEXT = "#D5DEE9";
export const TEXT_QUIET = "#9AA9BB";
export const WATER_NAME = "#7FA9C4";
export const ROAD_NAME = "#8494A8";
export const HALO = "#0E1620";

/** The ramp of the wall and the desk (`src/render/heat/ramp.rs`): "inferno" from 0.10 up, perceptually even, colour-blind safe. */
export const RAMP: readonly (readonly [number, number, number])[] = [
  [36, 12, 79],
  [78, 15, 109],
  [118, 27, 109],
  [158, 42, 99],
  [196, 60, 78],
  [228, 90, 49],
  [247, 132, 16],
  [250, 182, 30],
  [243, 233, 121],
];

/** Colour at `u` (0 to 1), as CSS. */
export function rampColour(u: number): string {
  const x = Math.min(1, Math.max(0, u)) * (RAMP.length - 1);
  const i = Math.min(Math.trunc(x), RAMP.length - 2);
  const [a, b] = [RAMP[i] ?? [0, 0, 0], RAMP[i + 1] ?? [0, 0, 0]];
  return `rgb(${[0, 1, 2].map((c) => Math.round((a[c] ?? 0) * (1 - x + i) + (b[c] ?? 0) * (x - i))).join(" ")})`;
}

/**
 * Where a reading stands on the ramp, 0 to 1, clamped at the ends as the legend is: straight within a class, and every class takes the same
 * part. `bounds` are the classes' ends, rising; two of them are a plain range.
 */
export function along(value: number, bounds: readonly number[]): number {
  const classes = Math.max(1, bounds.length - 1);
  const i = bounds.slice(1, -1).filter((bound) => value > bound).length;
  const [low, high] = [bounds[i] ?? 0, bounds[i + 1] ?? 1];
  return Math.min(1, Math.max(0, (i + (value - low) / (high - low || 1)) / classes));
}

/** Families as the browser names them; MapLibre draws every glyph on the phone, nothing is fetched. The first sets the weight. */
export const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
export const FONT_MEDIUM = ["Yiping Medium", ...FONT];
export const FONT_BOLD = ["Yiping Bold", ...FONT];
