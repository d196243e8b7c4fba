/** Hexagons of Uber's H3 grid, after `src/heat/hexagons.rs`. The library is nearly as large as the page: this file is fetched for the first layer that needs it. */

import { cellToBoundary, latLngToCell } from "h3-js";
import type { Frame, Place } from "./frame";
import type { Input } from "./layer";
import type { Patch } from "./patches";

/** Outlines in metres of the hexagons that hold a sensor, left out or not, by index: those where only sensors stand that are left out are hatched. */
export function hexagonsOf(resolution: number, { samples, leftOut }: Input, frame: Frame): Patch[] {
  const cell = (at: Place): string => {
    const [lon, lat] = frame.toDegrees(at);
    return latLngToCell(lat, lon, resolution);
  };
  const cells = new Set([...samples.map((s) => cell(s.at)), ...leftOut.map(cell)]);
  return [...cells].sort().map((c) => [cellToBoundary(c).map(([lat, lon]) => frame.toMetres(lon, lat))]);
}
