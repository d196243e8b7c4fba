// The cases of `src/heat/patches.rs`; `fixture.test.ts` holds whole layers to Rust's.
import { expect, it } from "vitest";
import type { Place } from "./frame";
import { centre } from "./grid";
import { areaM2, contains, paint, type Patch, rollUp } from "./patches";

const square = (x: number, y: number, side: number): Place[] => [[x, y], [x + side, y], [x + side, y + side], [x, y + side]];

it("areas that touch share no point, and holes are outside", () => {
  const patches: Patch[] = [[square(0, 0, 10), square(4, 4, 2)], [square(10, 0, 10)]];
  const points = [[0, 0], [10, 5], [5, 5], [9.9, 9.9], [20, 5], [15, 10]].map(([x = 0, y = 0]) => ({ at: [x, y] as const, value: x }));
  const [sums, outside] = rollUp(patches, points);
  expect([sums.map((s) => s.count), outside]).toEqual([[2, 1], 3]);
  expect(sums[0]?.mean).toBeCloseTo(4.95, 9);
  expect(patches.map(areaM2)).toEqual([96, 100]);
  expect(areaM2([square(0, 0, 10).reverse(), square(4, 4, 2)])).toBe(96);
  expect(rollUp([], points)[1]).toBe(6);
});

it("a cell belongs to the area its middle lies in, the later one on top", () => {
  const grid = { origin: [0, 0] as const, size: [40, 40] as const, cells: 40 };
  const triangle: Patch = [[[-5, 3.2], [33, 8], [12, 55]]];
  const patches: Patch[] = [triangle, [square(20, 20, 90)], [], [square(0, 0, 4)]];
  const { values, doubts } = paint(grid, patches, (i) => (i < 3 ? [i, 1] : null));
  for (let cell = 0; cell < values.length; cell += 1) {
    const place = centre(grid, cell % 40, Math.floor(cell / 40));
    const expected = [2, 1, 0].find((i) => contains(patches[i] ?? [], place)) ?? Number.NaN;
    expect(values[cell]).toBe(expected);
    expect(Number.isFinite(doubts[cell])).toBe(!Number.isNaN(expected));
  }
});
