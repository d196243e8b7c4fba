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

/** A sensor that is left out of the field. */
export const LEFT_OUT_COLOUR = "#A9B7C8";

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

/** Families as the browser names them; MapLibre draws every glyph on the phone, nothing is fetched. The first sets the weight. */
export const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
export const FONT_MEDIUM = ["Yiping Medium", ...FONT];
export const FONT_BOLD = ["Yiping Bold", ...FONT];
