/** Incidents as a density: how many of them a square kilometre, spread by a gaussian, after `src/heat/density.rs`. */

import type { Place } from "./frame";
import { cellAt, type Grid, type Raster } from "./grid";

/** Beyond so many bandwidths a gaussian is nothing (6e-5 of the events). */
const KERNEL_BANDWIDTHS = 4;
/** Most cells a kernel reaches to each side: a wider one is cut. */
const KERNEL_CELLS_MAX = 256;

/** Standard deviation for a kernel that suits the events (Scott 1992), metres; `null` when all stand at one place or there are fewer than two. */
export function bandwidthM(events: readonly Place[]): number | null {
  const n = events.length;
  const mean = (axis: 0 | 1): number => events.reduce((a, e) => a + e[axis], 0) / n;
  const [x, y] = [mean(0), mean(1)];
  const variance = events.reduce((a, e) => a + (e[0] - x) ** 2 + (e[1] - y) ** 2, 0) / (2 * (n - 1));
  const bandwidth = Math.sqrt(variance) * n ** (-1 / 6);
  return n > 1 && bandwidth > 0 && Number.isFinite(bandwidth) ? bandwidth : null;
}

/** Events per km² over a grid. The doubt of a cell is 0: the field is a count, not an estimate from samples. */
export function density(grid: Grid, events: readonly Place[], bandwidth: number): Raster {
  const { cells, size } = grid;
  const cellM = [size[0] / cells, size[1] / cells] as const;
  const rows = spread(sharedOut(grid, events), cells, kernel(bandwidth / cellM[0]), 1);
  const both = spread(rows, cells, kernel(bandwidth / cellM[1]), cells);
  const perKm2 = 1e6 / (cellM[0] * cellM[1]);
  return { grid, values: Float32Array.from(both, (count) => count * perKm2), doubts: new Float32Array(both.length) };
}

/** Each event in the four cells around it, by how near their middles are. */
function sharedOut(grid: Grid, events: readonly Place[]): Float64Array {
  const { cells, origin, size } = grid;
  const counts = new Float64Array(cells * cells);
  const held = (i: number): number => Math.min(Math.max(i, 0), cells - 1);
  for (const event of events) {
    if (cellAt(grid, event) < 0) continue;
    const [x, y] = [((event[0] - origin[0]) / size[0]) * cells - 0.5, ((event[1] - origin[1]) / size[1]) * cells - 0.5];
    const [left, low] = [Math.floor(x), Math.floor(y)];
    for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]] as const) {
      const weight = (dx ? x - left : 1 - x + left) * (dy ? y - low : 1 - y + low);
      const cell = held(low + dy) * cells + held(left + dx);
      counts[cell] = (counts[cell] as number) + weight;
    }
  }
  return counts;
}

/** Weights from the middle outwards; both sides together sum to 1. */
function kernel(sigmaCells: number): number[] {
  const sigma = Number.isFinite(sigmaCells) ? Math.max(sigmaCells, 1e-3) : 1e-3;
  const reach = Math.min(Math.ceil(sigma * KERNEL_BANDWIDTHS), KERNEL_CELLS_MAX);
  const raw = Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / sigma) ** 2));
  const whole = 2 * raw.reduce((a, b) => a + b, 0) - 1;
  return raw.map((w) => w / whole);
}

/** Spreads along rows (`stride` 1) or columns (`stride` cells); what would leave the grid is lost. */
function spread(counts: Float64Array, cells: number, weights: readonly number[], stride: number): Float64Array {
  const out = new Float64Array(counts.length);
  counts.forEach((count, cell) => {
    if (count === 0) return;
    const at = stride === 1 ? cell % cells : Math.floor(cell / cells);
    const [from, to] = [Math.max(0, at - weights.length + 1), Math.min(cells, at + weights.length)];
    for (let i = from; i < to; i += 1) {
      const other = cell + (i - at) * stride;
      out[other] = (out[other] as number) + count * (weights[Math.abs(i - at)] as number);
    }
  });
  return out;
}
