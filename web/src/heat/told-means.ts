/** Means that a hub has told, and the question for them. Pure. */

import type { HeatConfig, Instant, Known, SensorMean } from "../protocol";

export interface ToldMeans {
  /** Of which property, over how many hours. */
  property: string;
  hours: number;
  until: Instant;
  byDatastream: ReadonlyMap<string, SensorMean>;
}

/** Means move on by quarters of an hour. */
const STEP_MS = 15 * 60_000;

/** The means of this layer, as far as they are told. */
export const meansOf = (layer: HeatConfig, told: ToldMeans | null): ToldMeans | null =>
  told && told.property === layer.observed_property && told.hours === layer.mean_h ? told : null;

/** The question for a layer's means at an instant; `null` for a layer of latest readings. */
export function question(layer: HeatConfig | null, nowMs: number, known: Known): string | null {
  if (!layer?.mean_h) return null;
  const until = new Date(Math.floor(nowMs / STEP_MS) * STEP_MS).toISOString();
  return `api/means?${new URLSearchParams({ property: layer.observed_property, hours: String(layer.mean_h), time: until, known })}`;
}
