/** A field as its texture: three numbers a cell, after `src/heat/texels.rs` and `shaders/heat.wgsl`. */

import type { Place } from "./frame";
import { centre, type Raster, type Sample } from "./grid";
import { along } from "./scale";

/** Numbers a texel: value on the ramp; how well informed (1 best, below 0.5 hatched, 0 nothing); 1 where the nearest sensor is left out. */
export const PER_TEXEL = 3;

export const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));

/** 1 at a sensor, 0.5 at the end of its reach, 0 at twice that. */
export const informedByDistance = (nearestM: number, reachM: number): number => clamp(1 - (0.5 * nearestM) / reachM, 0, 1);

/** Values to the ramp; `informed` gets value and doubt of each cell that is known. */
export function drape(field: Raster, bounds: readonly number[], informed: (value: number, doubt: number) => number): Float32Array {
  const texels = new Float32Array(field.values.length * PER_TEXEL);
  field.values.forEach((value, cell) => {
    const doubt = field.doubts[cell] as number;
    if (!Number.isFinite(doubt)) return;
    texels[cell * PER_TEXEL] = Number.isNaN(value) ? 0 : along(value, bounds);
    texels[cell * PER_TEXEL + 1] = informed(value, doubt);
  });
  return texels;
}

/** Places one after the other, x, y and height squared: this is asked for every cell. */
const flat = (places: readonly Place[]): Float64Array => Float64Array.from(places.flatMap(([x, y, up = 0]) => [x, y, up * up]));

function nearestM(places: Float64Array, place: Place): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < places.length; i += 3) {
    const dx = (places[i] as number) - place[0];
    const dy = (places[i + 1] as number) - place[1];
    const far = dx * dx + dy * dy + (places[i + 2] as number);
    if (far < least) least = far;
  }
  return Math.sqrt(least);
}

/** Lets the colour end softly at the reach of the sensors, and the hatching at twice that. */
export function withinReach(texels: Float32Array, { grid }: Raster, samples: readonly Sample[], reachM: number): void {
  const present = flat(samples.map((s) => s.at));
  eachInformed(texels, grid.cells, (cell, column, row) => {
    const far = nearestM(present, centre(grid, column, row));
    const end = far < reachM ? 1 - 0.5 * (far / reachM) ** 4 : informedByDistance(far, reachM);
    texels[cell + 1] = Math.min(texels[cell + 1] as number, end);
  });
}

/** Marks where the nearest sensor is one that is left out: 0 where one that counts is as near, 1 where it is a fifth farther. */
export function hatch(texels: Float32Array, { grid }: Raster, samples: readonly Sample[], leftOut: readonly Place[], reachM: number): void {
  if (leftOut.length === 0) return;
  const [present, absent] = [flat(samples.map((s) => s.at)), flat(leftOut)];
  eachInformed(texels, grid.cells, (cell, column, row) => {
    const place = centre(grid, column, row);
    const away = nearestM(absent, place);
    if (away > reachM) return;
    const t = clamp((1 - away / Math.max(nearestM(present, place), 1e-6)) / 0.2, 0, 1);
    texels[cell + 2] = t * t * (3 - 2 * t);
  });
}

function eachInformed(texels: Float32Array, cells: number, change: (cell: number, column: number, row: number) => void): void {
  for (let i = 0; i < cells * cells; i += 1) {
    if ((texels[i * PER_TEXEL + 1] as number) > 0) change(i * PER_TEXEL, i % cells, Math.floor(i / cells));
  }
}
