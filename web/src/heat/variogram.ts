/** How readings differ with the distance between them, after `src/heat/variogram.rs`: the experimental variogram and a model fitted to it. */

import { distance, type Sample } from "./grid";

export type Family = "spherical" | "exponential" | "gaussian";

/** Semivariance at distance h, in the square of the reading's unit. At `rangeM` 95 % of the sill is reached (spherical: all of it). */
export interface Variogram {
  family: Family;
  nugget: number;
  partialSill: number;
  rangeM: number;
}

export interface Bin {
  distanceM: number;
  semivariance: number;
  pairs: number;
}

/** Fewer samples give too few pairs a class. */
export const SAMPLES_MIN = 10;
const BINS = 15;
/** Pairs are taken of at most so many samples, spread over the list: a phone's share of the desk's 2,000. */
const SAMPLES_MAX = 1_000;
/** Beyond half the largest distance pairs come from the edges only (Journel and Huijbregts 1978). */
const DISTANCE_SHARE = 0.5;
/** A gaussian without any nugget makes systems that double precision can't solve; share of its sill. */
const GAUSSIAN_NUGGET_MIN = 1e-3;
/** Ranges tried, evenly in the logarithm, before the best is refined. */
const RANGES = 48;

/** Part of the sill reached at `x` ranges. */
export function reached(family: Family, x: number): number {
  switch (family) {
    case "spherical":
      return x >= 1 ? 1 : x * (1.5 - 0.5 * x * x);
    case "exponential":
      return 1 - Math.exp(-3 * x);
    case "gaussian":
      return 1 - Math.exp(-3 * x * x);
  }
}

export const sill = (v: Variogram): number => v.nugget + v.partialSill;

/** Semivariance at a distance; 0 at distance 0. */
export const semivariance = (v: Variogram, distanceM: number): number =>
  distanceM <= 0 ? 0 : v.nugget + v.partialSill * reached(v.family, distanceM / v.rangeM);

/** The model that fits best, by weighted least squares with weights N/h²; `null` where none can be told. */
export function fit(samples: readonly Sample[]): Variogram | null {
  if (samples.length < SAMPLES_MIN) return null;
  const bins = experimental(samples);
  const longest = bins.reduce((most, b) => Math.max(most, b.distanceM), 0);
  if (!(longest > 0) || !bins.some((b) => b.semivariance > 0)) return null;
  const models = (["spherical", "exponential", "gaussian"] as const).map((family) => bestRange(family, bins, longest));
  return models.reduce((a, b) => (b[1] < a[1] ? b : a))[0];
}

/** The classes of the samples' pairs up to half the largest distance; empty ones are left out. */
export function experimental(samples: readonly Sample[]): Bin[] {
  const step = Math.max(1, Math.ceil(samples.length / SAMPLES_MAX));
  const some = samples.filter((_, i) => i % step === 0);
  const reach = DISTANCE_SHARE * largestDistance(some);
  if (!(reach > 0)) return [];
  const sums = Array.from({ length: BINS }, () => ({ distance: 0, squares: 0, pairs: 0 }));
  some.forEach((a, i) => {
    for (const b of some.slice(i + 1)) {
      const far = distance(a.at, b.at);
      const bin = sums[Math.trunc((far * BINS) / reach)];
      if (!bin) continue;
      bin.distance += far;
      bin.squares += (a.value - b.value) ** 2;
      bin.pairs += 1;
    }
  });
  return sums.flatMap(({ distance: sum, squares, pairs }) =>
    pairs > 0 && sum > 0 ? [{ distanceM: sum / pairs, semivariance: (0.5 * squares) / pairs, pairs }] : [],
  );
}

/** Diagonal of the samples' bounding box, metres. */
function largestDistance(samples: readonly Sample[]): number {
  if (samples.length === 0) return 0;
  const span = (axis: 0 | 1 | 2): number => {
    const all = samples.map((s) => s.at[axis] ?? 0);
    return all.reduce((a, b) => Math.max(a, b)) - all.reduce((a, b) => Math.min(a, b));
  };
  return Math.hypot(span(0), span(1), span(2));
}

/** The model of a family with the least weighted squares, and their sum. */
function bestRange(family: Family, bins: readonly Bin[], longestM: number): [Variogram, number] {
  const [low, high] = [Math.log(longestM * 0.02), Math.log(longestM * 3)];
  const at = (t: number): [Variogram, number] => bestSills(family, bins, Math.exp(t));
  const step = (high - low) / (RANGES - 1);
  let coarse = low;
  for (let i = 1; i < RANGES; i += 1) if (at(low + step * i)[1] < at(coarse)[1]) coarse = low + step * i;
  // Golden section around the best of the coarse ones.
  let [a, b] = [coarse - step, coarse + step];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < 32; i += 1) {
    const [c, d] = [b - golden * (b - a), a + golden * (b - a)];
    if (at(c)[1] < at(d)[1]) b = d;
    else a = c;
  }
  return at(0.5 * (a + b));
}

/** Nugget and partial sill, neither below 0, with the least weighted squares for a given range. */
function bestSills(family: Family, bins: readonly Bin[], rangeM: number): [Variogram, number] {
  const rows = bins.map((b) => [b.pairs / b.distanceM ** 2, reached(family, b.distanceM / rangeM), b.semivariance] as const);
  let [w, wg, wgg, ws, wgs] = [0, 0, 0, 0, 0];
  for (const [weight, g, s] of rows) {
    w += weight;
    wg += weight * g;
    wgg += weight * g * g;
    ws += weight * s;
    wgs += weight * g * s;
  }
  const least = family === "gaussian" ? GAUSSIAN_NUGGET_MIN : 0;
  const determinant = w * wgg - wg * wg;
  let [nugget, partialSill] = [(wgg * ws - wg * wgs) / determinant, (w * wgs - wg * ws) / determinant];
  if (!Number.isFinite(nugget) || (partialSill >= 0 && nugget < least * partialSill)) {
    // Nugget a fixed share of the sill: one unknown left.
    partialSill = Math.max(0, (wgs + least * ws) / (wgg + 2 * least * wg + least * least * w));
    nugget = least * partialSill;
  } else if (partialSill < 0) [nugget, partialSill] = [ws / w, 0];
  const squares = rows.reduce((sum, [weight, g, s]) => sum + weight * (nugget + partialSill * g - s) ** 2, 0);
  return [{ family, nugget, partialSill, rangeM }, squares];
}
