/** Inverse distance weighting (Shepard 1968), after `src/heat/idw.rs`; a test holds both to the same figures. */

import type { Place } from "./frame";
import { centre, distance, type Estimate, type Grid, heaviestFirst, NEAR_M, nearest, type Raster, type Sample, type Share, unknown } from "./grid";

export interface Idw {
  /** Exponent of the inverse distance. */
  power: number;
  /** Beyond this distance from every sample nothing is known, metres. */
  reachM: number;
  /** How many of the nearest are weighed; `null` weighs all. */
  neighbours: number | null;
}

/** Most neighbours that are weighed when not all are. */
const NEIGHBOURS_MAX = 32;

/** What one place is estimated from, without sample `except`. */
function weighed({ neighbours }: Idw, samples: readonly Sample[], place: Place, except: number): Share[] {
  if (neighbours !== null) return nearest(samples, place, Math.min(Math.max(neighbours, 1), NEIGHBOURS_MAX), except);
  const all = samples.map(({ at }, sample) => ({ sample, weight: 0, distanceM: distance(at, place) }));
  return except < 0 ? all : all.filter((s) => s.sample !== except);
}

/** The estimate at a place; `null` without samples or when all are out of reach. */
export function idwAt(idw: Idw, samples: readonly Sample[], place: Place, except = -1): Estimate | null {
  const shares = weighed(idw, samples, place, except);
  const nearestM = shares.reduce((least, s) => Math.min(least, Math.max(s.distanceM, NEAR_M)), Number.POSITIVE_INFINITY);
  if (!(nearestM <= idw.reachM)) return null;
  let whole = 0;
  for (const s of shares) {
    s.weight = Math.max(s.distanceM, NEAR_M) ** -idw.power;
    whole += s.weight;
  }
  let value = 0;
  for (const s of shares) {
    s.weight /= whole;
    value += s.weight * (samples[s.sample]?.value ?? 0);
  }
  return { value, error: null, nearestM, shares: heaviestFirst(shares) };
}

/** The field of a grid. Cells out of reach of all samples stay unknown. */
export function idwOnto(idw: Idw, grid: Grid, samples: readonly Sample[]): Raster {
  if (idw.neighbours !== null) return placeByPlace(idw, grid, samples);
  const raster = unknown(grid);
  const xs = Float64Array.from(samples, (s) => s.at[0]);
  const ys = Float64Array.from(samples, (s) => s.at[1]);
  // The map is the ground: what stands higher is farther.
  const ups2 = Float64Array.from(samples, (s) => (s.at[2] ?? 0) ** 2);
  const values = Float64Array.from(samples, (s) => s.value);
  const [n, reach2, exponent] = [samples.length, idw.reachM ** 2, -0.5 * idw.power];
  for (let cell = 0, row = 0; row < grid.cells; row += 1) {
    for (let column = 0; column < grid.cells; column += 1, cell += 1) {
      const [x, y] = centre(grid, column, row);
      // One variable a line: the engine makes no arrays of them in this, the innermost loop.
      let sum = 0;
      let whole = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < n; i += 1) {
        const dx = x - (xs[i] as number);
        const dy = y - (ys[i] as number);
        let d2 = dx * dx + dy * dy + (ups2[i] as number);
        if (d2 < NEAR_M * NEAR_M) d2 = NEAR_M * NEAR_M;
        const weight = exponent === -1 ? 1 / d2 : d2 ** exponent;
        sum += weight * (values[i] as number);
        whole += weight;
        if (d2 < least) least = d2;
      }
      if (least <= reach2) {
        raster.values[cell] = sum / whole;
        raster.doubts[cell] = Math.sqrt(least);
      }
    }
  }
  return raster;
}

function placeByPlace(idw: Idw, grid: Grid, samples: readonly Sample[]): Raster {
  const raster = unknown(grid);
  for (let cell = 0; cell < raster.values.length; cell += 1) {
    const estimate = idwAt(idw, samples, centre(grid, cell % grid.cells, Math.floor(cell / grid.cells)));
    if (!estimate) continue;
    raster.values[cell] = estimate.value;
    raster.doubts[cell] = estimate.nearestM;
  }
  return raster;
}

/** The value alone, over all others: as many times as there are pairs of sensors. */
function meanOfOthers({ power }: Idw, samples: readonly Sample[], place: Place, except: number): number {
  let sum = 0;
  let whole = 0;
  samples.forEach((s, i) => {
    if (i === except) return;
    const weight = Math.max(distance(s.at, place), NEAR_M) ** -power;
    sum += weight * s.value;
    whole += weight;
  });
  return sum / whole;
}

/** Root mean square of the error made when each sample is estimated from the others, in the layer's unit; `null` with fewer than three. */
export function idwLeaveOneOut(idw: Idw, samples: readonly Sample[]): number | null {
  if (samples.length < 3) return null;
  const everywhere = { ...idw, reachM: Number.POSITIVE_INFINITY };
  const others = (at: Place, i: number): number | undefined =>
    idw.neighbours === null ? meanOfOthers(idw, samples, at, i) : idwAt(everywhere, samples, at, i)?.value;
  const squares = samples.map((s, i) => ((others(s.at, i) ?? s.value) - s.value) ** 2);
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / samples.length);
}
