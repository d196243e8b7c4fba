// Held to the wall and the desk: `tests/page/heat.rs` writes what Rust makes of these sensors, this asks the page for the same.
import { describe, expect, it } from "vitest";
import kept from "../../test/fixtures/heat.json";
import type { HeatConfig } from "../protocol";
import { localFrame } from "./frame";
import { lifted } from "./gather";
import { hexagonsOf } from "./hexagons";
import type { Sample } from "./grid";
import { compute, estimateAt, type Input } from "./layer";
import { PER_TEXEL } from "./texels";
import type { Place } from "./frame";
import type { Patch } from "./patches";

const [lon_deg, lat_deg, height_m] = kept.anchor as [number, number, number];
const frame = localFrame({ lon_deg, lat_deg, height_m });
const input: Input = {
  samples: kept.points.map((p): Sample => ({ at: frame.toMetres(p.lon, p.lat), value: p.value })),
  leftOut: kept.left_out_m as unknown as Place[],
  areas: kept.areas_m as unknown as Patch[],
};

it("places stand where the desk has them, and back", () => {
  kept.points.forEach((p) => {
    const [east, north] = frame.toMetres(p.lon, p.lat);
    expect(Math.hypot(east - (p.at_m[0] ?? 0), north - (p.at_m[1] ?? 0))).toBeLessThan(1e-4);
    const [lon, lat] = frame.toDegrees([east, north]);
    expect(Math.hypot(lon - p.lon, lat - p.lat)).toBeLessThan(2e-7);
  });
});

describe.each(Object.entries(kept.layers))("%s", (_, told) => {
  const heat = { ...told.config, id: "h", name: "h" } as unknown as HeatConfig;
  const heights = kept.points.slice(0, told.samples).map((p) => p.height_m);
  const some = { ...input, samples: input.samples.slice(0, told.samples) };
  if (heat.method === "hexagons") some.areas = hexagonsOf(heat.resolution ?? Number.NaN, some, frame);
  const layer = compute(heat, lifted(some, heat.vertical ?? 0, heights, kept.left_out_heights_m), kept.cells);
  const range = (heat.bounds.at(-1) ?? 0) - (heat.bounds[0] ?? 0);

  it("is made the same way, with the same error and range", () => {
    expect(layer.method).toBe(told.method);
    // Both languages in one line there.
    expect(layer.note?.join(" ").replace(/ \d+ lie/, " lie") ?? null).toBe(told.note);
    expect(layer.grid.origin.map((v, i) => Math.abs(v - (told.origin_m[i] ?? 0)) < 1e-3)).toEqual([true, true]);
    expect(layer.grid.size.map((v, i) => Math.abs(v - (told.size_m[i] ?? 0)) < 1e-3)).toEqual([true, true]);
    if (told.error === null) expect(layer.error).toBeNull();
    else expect(layer.error).toBeCloseTo(told.error, 3);
    if (told.range_m === null) expect(layer.rangeM).toBeNull();
    else expect(layer.rangeM).toBeCloseTo(told.range_m, 0);
  });

  it("says the same of a place: value, error, and who is behind it by how much", () => {
    for (const [place, expected] of told.at as unknown as [Place, { value: number; error: number | null; nearest_m: number; shares: number[][] } | null][]) {
      const estimate = estimateAt(layer.model, place);
      if (!expected || !estimate) {
        expect(estimate).toBe(expected);
        continue;
      }
      expect(Math.abs(estimate.value - expected.value)).toBeLessThan(1e-4 * range);
      if (expected.error === null) expect(estimate.error).toBeNull();
      else expect(estimate.error).toBeCloseTo(expected.error, 2);
      expect(estimate.nearestM).toBeCloseTo(expected.nearest_m, 2);
      expected.shares.forEach(([sample, weight], i) => {
        const share = estimate.shares[i];
        expect([share?.sample, Math.abs((share?.weight ?? 9) - (weight ?? 0)) < 1e-3]).toEqual([sample, true]);
      });
    }
  });

  it("colours, hatches and leaves out the same cells within 1 % of the ramp", () => {
    const far: string[] = [];
    const texels = told.texels.flatMap((row) => row.split(" ").map(Number));
    expect(texels.length).toBe(layer.texels.length);
    texels.forEach((expected, i) => {
      // Where nothing is shown the value does not matter.
      if (i % PER_TEXEL === 0 && texels[i + 1] === 0) return;
      const ours = layer.texels[i] ?? 9;
      if (Math.abs(ours - expected) > 0.01) far.push(`cell ${Math.floor(i / PER_TEXEL)} number ${i % PER_TEXEL}: ${ours} is not ${expected}`);
    });
    expect(far).toEqual([]);
  });
});
