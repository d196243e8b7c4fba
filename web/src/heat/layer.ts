/** A layer of the scene computed, after `src/heat/layer.rs`: the field as it is drawn, and what a person who points at it is told. Pure. */

import type { HeatConfig, HeatMethod } from "../protocol";
import type { Words } from "../i18n";
import { bandwidthM, density } from "./density";
import type { Place } from "./frame";
import { around, cellAt, distance, type Estimate, type Grid, type Raster, type Sample } from "./grid";
import { type Idw, idwAt, idwLeaveOneOut, idwOnto } from "./idw";
import { type Kriging, krige, krigingAt, krigingLeaveOneOut, krigingOnto } from "./kriging";
import { areaM2, contains, errorOfMean, leaveOneOut, paint, type Patch, type RollUp, rollUp } from "./patches";
import { clamp, drape, hatch, informedByDistance, withinReach } from "./texels";
import { sill } from "./variogram";

/** What a layer is made of. */
export interface Input {
  samples: Sample[];
  /** Where sensors stand that are left out. */
  leftOut: Place[];
  /** Borders of the areas, or the hexagons, to roll up by. */
  areas?: Patch[];
}

export interface Layer {
  grid: Grid;
  /** `PER_TEXEL` numbers a cell. */
  texels: Float32Array;
  /** How it was made, which is not how the scene asked for it when that was impossible. */
  method: HeatMethod;
  /** Why not, in words. */
  note: Words | null;
  /** Leave-one-out error, in the layer's unit. */
  error: number | null;
  /** Distance at which readings no longer have to do with each other (kriging), or the kernel's width (density), metres. */
  rangeM: number | null;
  model: Model;
}

/** What answers for one place; plain data, so that it comes out of a worker as it went in. */
export type Model =
  | { is: "idw"; idw: Idw; samples: Sample[]; vertical: number }
  | { is: "kriging"; kriging: Kriging; reachM: number; samples: Sample[]; vertical: number }
  | { is: "density"; field: Raster }
  | { is: "areas"; areas: Patch[]; sums: RollUp[]; values: (number | null)[]; readings: Place[] };

const KRIGING_NEIGHBOURS = 16;
/** Estimating each from the others is work that grows with the square; above so many samples it is not told. */
const LEAVE_ONE_OUT_MAX = 1_500;
/** How well informed an area is whose sensors are all left out: hatched. */
const ONLY_LEFT_OUT = 0.3;
/** Around the areas, metres. */
const AREAS_MARGIN_M = 50;
/** A density under this share of the scale's end is left uncoloured. */
const DENSITY_SHOWN = 0.02;
/** Cells times sensors of one field: some 0.2 s of a phone's core, in a worker. */
const WORK_MAX = 20_000_000;
const CELLS_MAX = 256;
const CELLS_MIN = 48;

/** Cells a side: 256 is finer than sensors stand apart; fewer where there are very many sensors. */
export const cellsFor = (sensors: number): number =>
  clamp(Math.floor(Math.sqrt(WORK_MAX / Math.max(1, sensors)) / 8) * 8, CELLS_MIN, CELLS_MAX);

export function compute(heat: HeatConfig, input: Input, cells = cellsFor(input.samples.length)): Layer {
  switch (heat.method) {
    case "idw":
      return byDistance(heat, input, cells, null);
    case "kriging":
      return byKriging(heat, input, cells);
    case "density":
      return byDensity(heat, input, cells);
    case "areas":
    case "hexagons":
      return byArea(heat, input, cells);
  }
}

function byDistance(heat: HeatConfig, { samples, leftOut }: Input, cells: number, note: Words | null): Layer {
  const idw = { power: heat.power, reachM: heat.reach_m, neighbours: heat.neighbours ?? null };
  const grid = around(samples.map((s) => s.at), 2 * idw.reachM, cells);
  const field = idwOnto({ ...idw, reachM: 2 * idw.reachM }, grid, samples);
  const texels = drape(field, heat.bounds, (_, nearest) => informedByDistance(nearest, idw.reachM));
  hatch(texels, field, samples, leftOut, idw.reachM);
  const error = samples.length <= LEAVE_ONE_OUT_MAX ? idwLeaveOneOut(idw, samples) : null;
  return { grid, texels, method: "idw", note, error, rangeM: null, model: { is: "idw", idw, samples, vertical: heat.vertical ?? 0 } };
}

function byKriging(heat: HeatConfig, input: Input, cells: number): Layer {
  const { samples, leftOut } = input;
  const kriging = krige(samples, heat.neighbours ?? KRIGING_NEIGHBOURS);
  if (!kriging) return byDistance(heat, input, cells, ["传感器太少或读数全同，不能克里金", "too few sensors, or all alike, for kriging"]);
  const reachM = heat.reach_m;
  const grid = around(samples.map((s) => s.at), 2 * reachM, cells);
  const field = krigingOnto(kriging, grid, 2 * reachM);
  const whole = sill(kriging.variogram);
  const texels = drape(field, heat.bounds, (_, variance) => clamp(1 - (0.5 * variance) / whole, 0.3, 1));
  withinReach(texels, field, samples, reachM);
  hatch(texels, field, samples, leftOut, reachM);
  const error = samples.length <= LEAVE_ONE_OUT_MAX ? krigingLeaveOneOut(kriging) : null;
  const rangeM = kriging.variogram.rangeM;
  return { grid, texels, method: "kriging", note: null, error, rangeM, model: { is: "kriging", kriging, reachM, samples, vertical: heat.vertical ?? 0 } };
}

function byDensity(heat: HeatConfig, { samples }: Input, cells: number): Layer {
  const events = samples.map((s) => s.at);
  // One place tells no spread: a street block then.
  const bandwidth = heat.bandwidth_m ?? bandwidthM(events) ?? heat.reach_m * 0.5;
  const grid = around(events, 4 * bandwidth, cells);
  const field = density(grid, events, bandwidth);
  const end = (heat.bounds.at(-1) ?? 1) * DENSITY_SHOWN;
  const texels = drape(field, heat.bounds, (value) => clamp(value / end, 0, 1));
  return { grid, texels, method: "density", note: null, error: null, rangeM: bandwidth, model: { is: "density", field } };
}

/** Mean of the readings in each area or hexagon, or incidents a square kilometre. */
function byArea(heat: HeatConfig, { samples, leftOut, areas = [] }: Input, cells: number): Layer {
  const [sums, outside] = rollUp(areas, samples);
  const [doubtful] = rollUp(areas, leftOut.map((at) => ({ at, value: 0 })));
  const values = sums.map(({ count, mean }, i) => {
    if (heat.incidents) return count / Math.max(1e-6, areaM2(areas[i] ?? []) / 1e6);
    return count > 0 ? mean : null;
  });
  const grid = around(areas.flat(2), AREAS_MARGIN_M, cells);
  const field = paint(grid, areas, (i) => {
    const value = values[i] ?? null;
    if (value !== null) return [value, 1];
    return (doubtful[i]?.count ?? 0) > 0 ? [Number.NaN, ONLY_LEFT_OUT] : null;
  });
  const texels = drape(field, heat.bounds, (_, informed) => informed);
  const readings = heat.incidents ? [] : samples.map((s) => s.at);
  const note: Words | null = outside > 0 ? [`${outside} 个不在任何分区内`, `${outside} lie in no area`] : null;
  return { grid, texels, method: heat.method, note, error: heat.incidents ? null : leaveOneOut(sums), rangeM: null, model: { is: "areas", areas, sums, values, readings } };
}

/** Distances in metres, however much height counts. */
function inMetres(estimate: Estimate | null, place: Place, { samples, vertical }: { samples: Sample[]; vertical: number }): Estimate | null {
  if (!estimate || !(vertical > 0)) return estimate;
  for (const share of estimate.shares) {
    const at = samples[share.sample]?.at;
    if (at) share.distanceM = distance([at[0], at[1], (at[2] ?? 0) / vertical], place);
  }
  return { ...estimate, nearestM: Math.min(...estimate.shares.map((s) => s.distanceM)) };
}

/** What is known of a place; `null` where nothing is. */
export function estimateAt(model: Model, place: Place): Estimate | null {
  switch (model.is) {
    case "idw":
      return inMetres(idwAt(model.idw, model.samples, place), place, model);
    case "kriging":
      return inMetres(krigingAt(model.kriging, place, model.reachM), place, model);
    case "density": {
      const value = model.field.values[cellAt(model.field.grid, place)];
      return value === undefined ? null : { value, error: null, nearestM: 0, shares: [] };
    }
    case "areas": {
      const i = model.areas.findIndex((patch) => contains(patch, place));
      const value = model.values[i] ?? null;
      if (value === null) return null;
      const within = (at: Place) => model.areas.findIndex((patch) => contains(patch, at)) === i;
      const inside = model.readings.flatMap((at, sample) => (within(at) ? [{ sample, weight: 1, distanceM: distance(at, place) }] : []));
      for (const share of inside) share.weight = 1 / inside.length;
      inside.sort((a, b) => a.distanceM - b.distanceM);
      const sums = model.sums[i];
      return { value, error: sums && inside.length > 1 ? errorOfMean(sums) : null, nearestM: inside[0]?.distanceM ?? 0, shares: inside };
    }
  }
}
