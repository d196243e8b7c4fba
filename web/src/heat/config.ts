/** A heat layer as the hub tells it: part of the protocol. */

import type { Domain } from "../protocol";

export type HeatMethod = "idw" | "kriging" | "density" | "areas" | "hexagons";

/** Which incidents a layer counts. */
export interface IncidentFilter {
  domain?: Domain | null;
  category?: string | null;
  open?: boolean;
}

/**
 * One observed property, or the incidents, shown as a field: as the scene has it, with what its names mean (`HeatConfig::explained`).
 * `bounds` are the ends of the scale's classes, in `unit`; `colours` the ramp from its low to its high end.
 */
export interface HeatConfig {
  id: string;
  name: string;
  name_en: string;
  method: HeatMethod;
  /** Of hexagons: H3's. */
  resolution?: number;
  observed_property: string;
  incidents?: IncidentFilter | null;
  unit: string;
  bounds: number[];
  colours: string[];
  /** A standard's names of the classes, Chinese and English. */
  classes?: [string, string][];
  /** A standard's scale by its name, and over what time it means values. */
  scale?: string | null;
  mean?: [string, string] | null;
  /** Sensors count with their mean over so many hours. */
  mean_h?: 1 | 8 | 24 | null;
  /** Said where latest readings stand on a scale that is meant for means. */
  caution?: [string, string] | null;
  reach_m: number;
  /** How many metres aside a metre of height counts as; 0: heights don't matter. */
  vertical?: number;
  power: number;
  neighbours?: number | null;
  bandwidth_m?: number | null;
  /** Of the areas values are rolled up by. */
  level?: string;
  stale_after_min: number;
  shown: boolean;
}
