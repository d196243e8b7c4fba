/** Samples, and the cells a field is computed for, after `src/heat/{sample,grid,layer}.rs`. */

import type { Place } from "./frame";

/** One reading at a place, metres from the anchor, in the layer's unit. */
export interface Sample {
  at: Place;
  value: number;
}

/** Samples nearer than this count as standing here: the weight would grow without bound, metres. */
export const NEAR_M = 1;

/** How much one sample says about a place; `sample` is its position in the list. */
export interface Share {
  sample: number;
  weight: number;
  distanceM: number;
}

/** What is known of one place. */
export interface Estimate {
  value: number;
  /** Standard error, in the layer's unit; `null` where the method has none of its own (inverse distance). */
  error: number | null;
  nearestM: number;
  /** The samples behind it, the heaviest first; their weights sum to 1. */
  shares: Share[];
}

/** Square cells' rectangle: row 0 is the southernmost, column 0 the westernmost. */
export interface Grid {
  /** South-west corner and size, metres. */
  origin: readonly [east: number, north: number];
  size: readonly [east: number, north: number];
  /** Cells a side. */
  cells: number;
}

export interface Raster {
  grid: Grid;
  /** In the layer's unit, row by row from the south-west; NaN where nothing is known. */
  values: Float32Array;
  /** Inverse distance: metres to the nearest sample. Kriging: variance of the estimate. Infinite where nothing is known. */
  doubts: Float32Array;
}

export const distance = (a: Place, b: Place): number => Math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + ((a[2] ?? 0) - (b[2] ?? 0)) ** 2);

export function unknown(grid: Grid): Raster {
  const length = grid.cells * grid.cells;
  return { grid, values: new Float32Array(length).fill(Number.NaN), doubts: new Float32Array(length).fill(Number.POSITIVE_INFINITY) };
}

/** Middle of a cell, metres. */
export const centre = ({ origin, size, cells }: Grid, column: number, row: number): Place => [
  origin[0] + ((column + 0.5) * size[0]) / cells,
  origin[1] + ((row + 0.5) * size[1]) / cells,
];

/** Position of the cell a place lies in; -1 outside. */
export function cellAt({ origin, size, cells }: Grid, place: Place): number {
  const column = Math.floor(((place[0] - origin[0]) / size[0]) * cells);
  const row = Math.floor(((place[1] - origin[1]) / size[1]) * cells);
  const inside = column >= 0 && row >= 0 && column < cells && row < cells;
  return inside ? row * cells + column : -1;
}

/** A grid over everything and a margin around it. */
export function around(places: Iterable<Place>, marginM: number, cells: number): Grid {
  let [west, south, east, north] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [x, y] of places) {
    [west, south, east, north] = [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)];
  }
  if (west > east) return { origin: [0, 0], size: [1, 1], cells };
  return { origin: [west - marginM, south - marginM], size: [east - west + 2 * marginM, north - south + 2 * marginM], cells };
}

/** The `k` nearest samples, the nearest first; without `except`. */
export function nearest(samples: readonly Sample[], place: Place, k: number, except = -1): Share[] {
  const found: Share[] = [];
  samples.forEach(({ at }, sample) => {
    if (sample === except) return;
    const distanceM = distance(at, place);
    if (found.length === k && distanceM >= (found[k - 1]?.distanceM ?? 0)) return;
    let i = found.length;
    while (i > 0 && (found[i - 1]?.distanceM ?? 0) > distanceM) i -= 1;
    found.splice(i, 0, { sample, weight: 0, distanceM });
    if (found.length > k) found.pop();
  });
  return found;
}

/** Sorted by weight, whichever its sign: a sample that is screened by others may count a little below nothing. */
export const heaviestFirst = (shares: Share[]): Share[] =>
  shares.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight) || a.sample - b.sample);

/**
 * Samples at one place become one with their mean, and `first` says for each which sample in the list it is. Two instruments on a pole
 * would make a kriging system that has no answer.
 */
export function distinct(samples: readonly Sample[]): { samples: Sample[]; first: number[] } {
  const at = new Map<string, number>();
  const counts: number[] = [];
  const found: { samples: Sample[]; first: number[] } = { samples: [], first: [] };
  samples.forEach((s, position) => {
    if (!Number.isFinite(s.at[0]) || !Number.isFinite(s.at[1]) || !Number.isFinite(s.value)) return;
    const cube = s.at.map((v) => Math.round((v ?? 0) / NEAR_M)).join("/");
    const place = at.get(cube);
    const kept = found.samples[place ?? -1];
    if (place === undefined || !kept) {
      at.set(cube, found.samples.length);
      counts.push(1);
      found.samples.push({ ...s });
      found.first.push(position);
    } else {
      const count = (counts[place] ?? 0) + 1;
      counts[place] = count;
      kept.value += (s.value - kept.value) / count;
    }
  });
  return found;
}
