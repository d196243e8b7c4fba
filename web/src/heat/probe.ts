/** A place somebody points at: value, error, and the sensors behind it. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { city } from "../session";
import { heat, height, select, selected, sheet, show } from "../view/chosen";
import type { Estimate } from "./grid";
import { cellAt } from "./grid";
import { estimateAt } from "./layer";
import { frame, type Shown, shown } from "./shown";
import { PER_TEXEL } from "./texels";

/** Degrees; of this phone alone. */
export const pointed = signal<{ lon: number; lat: number } | null>(null);

/** One of the sensors behind an estimate. */
export interface Behind {
  datastream: string;
  name: string;
  value: number;
  /** Part of the estimate that is its, may lie a little below 0 (kriging). */
  weight: number;
  distanceM: number;
}

export interface Probed {
  of: Shown;
  /** `null` where no sensor informs the place. */
  estimate: Estimate | null;
  sensors: Behind[];
}

/** Sensors a card has room for. */
const SENSORS_SHOWN = 4;

/** What is known of the place, anew with each field. */
export const probed = computed<Probed | null>(() => {
  const [of, at, place] = [shown.value, frame.value, pointed.value];
  if (!of || !at || !place) return null;
  const estimate = estimateAt(of.layer.model, at.toMetres(place.lon, place.lat));
  const { datastreams, observations } = untracked(() => city.value);
  const sensors = (estimate?.shares ?? []).slice(0, SENSORS_SHOWN).flatMap(({ sample, weight, distanceM }): Behind[] => {
    const datastream = of.streams[sample] ?? "";
    const [stream, reading] = [datastreams.get(datastream), observations.get(datastream)];
    return stream && reading ? [{ datastream, name: stream.sensor, value: reading.value, weight, distanceM }] : [];
  });
  return { of, estimate, sensors };
});

/** Points at a place; false where the layer shows nothing there, neither colour nor hatching. */
export function pointAt(lon: number, lat: number): boolean {
  const [of, at] = [shown.peek(), frame.peek()];
  if (!of || !at) return false;
  const cell = cellAt(of.layer.grid, at.toMetres(lon, lat));
  if (cell < 0 || !((of.layer.texels[cell * PER_TEXEL + 1] ?? 0) > 0)) return false;
  if (selected.peek()) select(null);
  pointed.value = { lon, lat };
  show("heat", sheet.peek() === "heat" ? height.peek() : "peek");
  return true;
}

export function forget(): void {
  pointed.value = null;
  if (sheet.peek() === "heat") show("list", "peek");
}

// With the layer goes what was asked of it; and the mark goes with the card.
effect(() => {
  if (!heat.value) untracked(forget);
});
effect(() => {
  if (sheet.value !== "heat") pointed.value = null;
});
