/**
 * Ordinary kriging with a local neighbourhood, after `src/heat/kriging`: with covariances `C` between the neighbours, `c` from them to the
 * place and readings `z`, estimate `m + cᵀC⁻¹(z - m)` with `m = (1ᵀC⁻¹z) / (1ᵀC⁻¹1)`. The cells of a block share one neighbourhood.
 */

import type { Place } from "./frame";
import { centre, distance, distinct, type Estimate, type Grid, heaviestFirst, nearest, type Raster, type Sample, type Share, unknown } from "./grid";
import { fit, semivariance, sill, type Variogram } from "./variogram";

export interface Kriging {
  samples: Sample[];
  /** For each sample its position in the list the kriging was made of. */
  first: number[];
  variogram: Variogram;
  neighbours: number;
}

/** Most neighbours one estimate is made of; the work grows with their square. */
const NEIGHBOURS_MAX = 32;
/** Cells a side of what one search of neighbours serves. */
const BLOCK = 8;
/** What noise is added to every reading, as shares of the sill, until the system has an answer. */
const NOISES = [0, 1e-8, 1e-6, 1e-4];
/** A pivot under this share of its diagonal means that one sample says what the others have said. */
const PIVOT_MIN = 1e-10;

/** With a variogram fitted to the samples; `null` where none can be told. */
export function krige(samples: readonly Sample[], neighbours: number): Kriging | null {
  const kept = distinct(samples);
  const variogram = fit(kept.samples);
  return variogram && { ...kept, variogram, neighbours: Math.min(Math.max(neighbours, 1), NEIGHBOURS_MAX) };
}

/** Neighbours with their system solved as far as it does not depend on the place. */
interface Neighbourhood {
  places: Place[];
  /** Lower triangle L of C = L Lᵀ, row by row. */
  factor: Float64Array;
  /** C⁻¹1 and the sum of it. */
  ones: Float64Array;
  total: number;
  mean: number;
  /** C⁻¹(z - mean). */
  dual: Float64Array;
  variogram: Variogram;
}

function settle({ samples, variogram }: Kriging, near: readonly Share[]): Neighbourhood | null {
  const members = near.flatMap((n) => samples[n.sample] ?? []);
  const places = members.map((s) => s.at);
  const factor = factorise(places, variogram);
  if (!factor || places.length === 0) return null;
  const ones = new Float64Array(places.length).fill(1);
  solve(factor, ones);
  const total = sum(ones);
  const mean = members.reduce((m, s, i) => m + (ones[i] ?? 0) * s.value, 0) / total;
  const dual = Float64Array.from(members, (s) => s.value - mean);
  solve(factor, dual);
  return { places, factor, ones, total, mean, dual, variogram };
}

const sum = (of: Float64Array): number => of.reduce((a, b) => a + b, 0);
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((d, v, i) => d + v * (b[i] ?? 0), 0);

/** Cholesky's factor of the places' covariances; `null` when no noise helps. */
function factorise(places: readonly Place[], variogram: Variogram): Float64Array | null {
  const whole = sill(variogram);
  for (const noise of NOISES) {
    const factor = cholesky(places.length, (i, j) =>
      i === j ? whole * (1 + noise) : whole - semivariance(variogram, distance(places[i] as Place, places[j] as Place)),
    );
    if (factor) return factor;
  }
  return null;
}

function cholesky(size: number, entry: (i: number, j: number) => number): Float64Array | null {
  const rows = new Float64Array((size * (size + 1)) / 2);
  const at = (i: number, j: number): number => rows[(i * (i + 1)) / 2 + j] as number;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let left = entry(i, j);
      for (let k = 0; k < j; k += 1) left -= at(i, k) * at(j, k);
      if (i === j && left <= PIVOT_MIN * entry(i, i)) return null;
      rows[(i * (i + 1)) / 2 + j] = i === j ? Math.sqrt(left) : left / at(j, j);
    }
  }
  return rows;
}

/** Turns b into y with L y = b. */
function forward(rows: Float64Array, b: Float64Array): void {
  for (let i = 0, row = 0; i < b.length; row += i + 1, i += 1) {
    let left = b[i] as number;
    for (let k = 0; k < i; k += 1) left -= (rows[row + k] as number) * (b[k] as number);
    b[i] = left / (rows[row + i] as number);
  }
}

/** Turns b into x with L Lᵀ x = b. */
function solve(rows: Float64Array, b: Float64Array): void {
  forward(rows, b);
  for (let i = b.length - 1; i >= 0; i -= 1) {
    let left = b[i] as number;
    for (let k = i + 1; k < b.length; k += 1) left -= (rows[(k * (k + 1)) / 2 + i] as number) * (b[k] as number);
    b[i] = left / (rows[(i * (i + 1)) / 2 + i] as number);
  }
}

const covariances = ({ places, variogram }: Neighbourhood, place: Place, into: Float64Array): number => {
  let least = Number.POSITIVE_INFINITY;
  const whole = sill(variogram);
  for (let i = 0; i < places.length; i += 1) {
    const far = distance(places[i] as Place, place);
    into[i] = whole - semivariance(variogram, far > 1e-6 ? far : 0);
    if (far < least) least = far;
  }
  return least;
};

/** The estimate at a place of its own nearest neighbours; `null` without samples or beyond `reachM` of all. */
export function krigingAt(kriging: Kriging, place: Place, reachM: number, except = -1): Estimate | null {
  const near = nearest(kriging.samples, place, kriging.neighbours, except);
  const nearestM = near[0]?.distanceM ?? Number.POSITIVE_INFINITY;
  const around = nearestM <= reachM ? settle(kriging, near) : null;
  if (!around) return null;
  const c = new Float64Array(near.length);
  covariances(around, place, c);
  const weights = c.slice();
  solve(around.factor, weights);
  const rest = 1 - dot(around.ones, c);
  const variance = sill(kriging.variogram) - dot(weights, c) + (rest * rest) / around.total;
  const shares = near.map(({ sample, distanceM }, i) => ({
    sample: kriging.first[sample] ?? sample,
    weight: (weights[i] ?? 0) + ((around.ones[i] ?? 0) * rest) / around.total,
    distanceM,
  }));
  const value = around.mean + dot(around.dual, c);
  return { value, error: Math.sqrt(Math.max(0, variance)), nearestM, shares: heaviestFirst(shares) };
}

/** The field of a grid: estimates, and their variances as doubts. Cells beyond `reachM` of every sample stay unknown. */
export function krigingOnto(kriging: Kriging, grid: Grid, reachM: number): Raster {
  const raster = unknown(grid);
  const c = new Float64Array(kriging.neighbours);
  for (let row = 0; row < grid.cells; row += BLOCK) {
    for (let column = 0; column < grid.cells; column += BLOCK) {
      const [right, top] = [Math.min(column + BLOCK, grid.cells), Math.min(row + BLOCK, grid.cells)];
      const [a, b] = [centre(grid, column, row), centre(grid, right - 1, top - 1)];
      const near = nearest(kriging.samples, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], kriging.neighbours);
      if (!((near[0]?.distanceM ?? Number.POSITIVE_INFINITY) - distance(a, b) / 2 <= reachM)) continue;
      const around = settle(kriging, near);
      if (around) oneBlock(around, raster, reachM, c.subarray(0, near.length), [column, right], [row, top]);
    }
  }
  return raster;
}

type Span = readonly [from: number, to: number];

function oneBlock(around: Neighbourhood, raster: Raster, reachM: number, c: Float64Array, columns: Span, rows: Span): void {
  const whole = sill(around.variogram);
  for (let row = rows[0]; row < rows[1]; row += 1) {
    for (let column = columns[0]; column < columns[1]; column += 1) {
      if (covariances(around, centre(raster.grid, column, row), c) > reachM) continue;
      let [value, rest] = [around.mean, 1];
      for (let i = 0; i < c.length; i += 1) {
        value += (c[i] as number) * (around.dual[i] as number);
        rest -= (c[i] as number) * (around.ones[i] as number);
      }
      forward(around.factor, c);
      let variance = whole + (rest * rest) / around.total;
      for (let i = 0; i < c.length; i += 1) variance -= (c[i] as number) ** 2;
      const cell = row * raster.grid.cells + column;
      raster.values[cell] = value;
      raster.doubts[cell] = Math.max(0, variance);
    }
  }
}

/** Root mean square of the error made when each sample is estimated from the others; `null` with fewer than three. */
export function krigingLeaveOneOut(kriging: Kriging): number | null {
  const { samples } = kriging;
  if (samples.length < 3) return null;
  const squares = samples.map((s, i) => ((krigingAt(kriging, s.at, Number.POSITIVE_INFINITY, i)?.value ?? s.value) - s.value) ** 2);
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / samples.length);
}
