/** A severity's sign: shape and colour, hollow once somebody has taken note. */

import { SEVERITY, spoken } from "../i18n";
import { SEVERITY_COLOUR } from "../map/look";
import type { Severity } from "../protocol";

const PATHS: Record<Severity, string> = {
  critical: "M12 1.6 22.4 12 12 22.4 1.6 12Z",
  major: "M12 2 22.6 20.6H1.4Z",
  minor: "M12 2.6a9.4 9.4 0 1 1 0 18.8 9.4 9.4 0 0 1 0-18.8Z",
  info: "M3.4 3.4h17.2v17.2H3.4Z",
};

export function Shape({ severity, hollow = false, size = 26 }: { severity: Severity; hollow?: boolean; size?: number }) {
  const colour = SEVERITY_COLOUR[severity];
  const inside = hollow ? { fill: "none", stroke: colour, "stroke-width": 3 } : { fill: colour };
  return (
    <svg class="shape" viewBox="-1.5 -1.5 27 27" width={size} height={size} role="img" aria-label={spoken(SEVERITY[severity])}>
      <path d={PATHS[severity]} stroke-linejoin="round" {...inside} />
    </svg>
  );
}

const ICONS = {
  layers: "M12 3 2.5 8 12 13l9.5-5zM3 12.4l9 4.7 9-4.7M3 16.6l9 4.7 9-4.7",
  locate: "M12 2v4M12 18v4M2 12h4M18 12h4M12 6.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11Z",
  follow: "M12 5c5 0 8.5 4.3 9.8 7-1.3 2.7-4.8 7-9.8 7s-8.500-4.300-9.800-7C3.500 9.300 7 5 12 5Zm0 3.800a3.200 3.200 0 1 1 0 6.400 3.200 3.200 0 0 1 0-6.400Z",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  back: "M15 4 7 12l8 8",
  close: "M5 5l14 14M19 5 5 19",
  plus: "M12 4v16M4 12h16",
  play: "M7 4.500 19 12 7 19.500Z",
  pause: "M8 4.500v15M16 4.500v15",
  tilt: "M3 17l9 4 9-4M3 17l9-4 9 4M12 13V4M12 4 9 7M12 4l3 3",
  north: "M12 3 17 20l-5-3.500L7 20Z",
  go: "M9 4l8 8-8 8",
} as const;

export function Icon({ name, size = 24, turn = 0 }: { name: keyof typeof ICONS; size?: number; turn?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" style={turn ? { transform: `rotate(${turn}deg)` } : undefined}>
      <path d={ICONS[name]} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
