/** Points rolled up by area: one value for all that lies in it, and its cells of a grid, after `src/heat/patches.rs`. */

import type { Place } from "./frame";
import { centre, type Grid, type Raster, unknown } from "./grid";

/** Rings in metres, outer and holes alike: a place is inside where it is within an odd number of them. Not closed by a repeated point. */
export type Patch = Place[][];

/** What a patch got; the mean of nothing is 0. */
export interface RollUp {
  count: number;
  mean: number;
  /** Sum of the squares of the values' distances from the mean. */
  squares: number;
}

/** Standard error of the mean; `null` of fewer than two. */
export const errorOfMean = ({ count, squares }: RollUp): number | null => (count > 1 ? Math.sqrt(squares / (count - 1) / count) : null);

/** Root mean square of the error made when each value is told from the others of its area; `null` where no two share one. */
export function leaveOneOut(sums: readonly RollUp[]): number | null {
  const shared = sums.filter((s) => s.count > 1);
  const values = shared.reduce((n, s) => n + s.count, 0);
  const squares = shared.reduce((all, s) => all + (s.count / (s.count - 1)) ** 2 * s.squares, 0);
  return values > 0 ? Math.sqrt(squares / values) : null;
}

/** Where rings cross a parallel, metres east, in no order. */
function crossings(rings: Patch, y: number): number[] {
  const found: number[] = [];
  for (const ring of rings) {
    ring.forEach((a, i) => {
      const b = ring[(i + 1) % ring.length] as Place;
      if (a[1] <= y !== b[1] <= y) found.push(a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]));
    });
  }
  return found;
}

/** Even-odd rule; the lower edge belongs to it, the upper to its neighbour, so that areas that touch share no point. */
export const contains = (patch: Patch, [x, y]: Place): boolean => crossings(patch, y).filter((at) => at <= x).length % 2 === 1;

/** Square metres (shoelace formula): the outer rings less the holes, where rings don't cross. */
export function areaM2(patch: Patch): number {
  const sum = patch.reduce((all, ring, i) => {
    const twice = ring.reduce((a, [x, y], j) => {
      const [nx, ny] = ring[(j + 1) % ring.length] as Place;
      return a + x * ny - y * nx;
    }, 0);
    // A ring that lies within an odd number of the others is a hole, whichever way it runs.
    const first = ring[0];
    const isHole = first !== undefined && patch.filter((other, j) => j !== i && contains([other], first)).length % 2 === 1;
    return all + 0.5 * Math.abs(twice) * (isHole ? -1 : 1);
  }, 0);
  return Math.max(0, sum);
}

const southNorth = (patch: Patch): [number, number] =>
  patch.flat().reduce<[number, number]>(([low, high], [, y]) => [Math.min(low, y), Math.max(high, y)], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

/** Puts every point into the first patch that holds it; how many lie in none comes second. */
export function rollUp(patches: readonly Patch[], points: Iterable<{ at: Place; value: number }>): [RollUp[], outside: number] {
  const found = patches.map((): RollUp => ({ count: 0, mean: 0, squares: 0 }));
  const bounds = patches.map(southNorth);
  let outside = 0;
  for (const { at, value } of points) {
    const i = patches.findIndex((patch, j) => at[1] >= (bounds[j]?.[0] ?? 0) && at[1] <= (bounds[j]?.[1] ?? 0) && contains(patch, at));
    const into = found[i];
    if (into) {
      into.count += 1;
      const before = value - into.mean;
      into.mean += before / into.count;
      into.squares += before * (value - into.mean);
    } else outside += 1;
  }
  return [found, outside];
}

/** Fills the cells whose middle lies in a patch with its value and doubt; `null` leaves them unknown. */
export function paint(grid: Grid, patches: readonly Patch[], value: (i: number) => readonly [value: number, doubt: number] | null): Raster {
  const raster = unknown(grid);
  const { cells, origin, size } = grid;
  patches.forEach((patch, i) => {
    const what = value(i);
    if (!what) return;
    const [low, high] = southNorth(patch).map((y) => Math.floor(((y - origin[1]) / size[1]) * cells)) as [number, number];
    for (let row = Math.max(0, low); row <= Math.min(cells - 1, high); row += 1) {
      const columns = crossings(patch, centre(grid, 0, row)[1])
        .sort((a, b) => a - b)
        .map((x) => Math.min(cells, Math.max(0, Math.ceil(((x - origin[0]) / size[0]) * cells - 0.5))));
      for (let j = 0; j + 1 < columns.length; j += 2) {
        raster.values.fill(what[0], row * cells + (columns[j] as number), row * cells + (columns[j + 1] as number));
        raster.doubts.fill(what[1], row * cells + (columns[j] as number), row * cells + (columns[j + 1] as number));
      }
    }
  });
  return raster;
}
