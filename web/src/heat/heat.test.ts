import { describe, expect, it } from "vitest";
import type { Datastream, HeatConfig, Incident, Observation, SensorMean } from "../protocol";
import { localFrame } from "./frame";
import { gather } from "./gather";
import { cellsFor, compute, estimateAt } from "./layer";
import { takes, whyNot } from "./roll-call";
import { rampBytes } from "./scale";
import { question } from "./told-means";
import { leftOutWords } from "./words";

const heat = (more: Partial<HeatConfig> = {}): HeatConfig => ({
  id: "h", name: "h", name_en: "", method: "idw", observed_property: "pm2_5", unit: "u", bounds: [0, 100], colours: ["#000000", "#ffffff"],
  reach_m: 500, power: 2, stale_after_min: 60, shown: true, ...more,
});
const NOW = Date.parse("2026-01-01T12:00:00Z");
const reading = (ageMin: number, value = 7, quality: "good" | "suspect" = "good"): Observation => ({
  datastream: "d", phenomenon_time: new Date(NOW - ageMin * 60_000).toISOString(), value, quality,
});
const at = (x: number, y: number, value: number) => ({ at: [x, y] as const, value });

describe("who informs a field", () => {
  it("is left out when flagged, stale or silent, and counts when its clock runs a little fast", () => {
    const why = (o?: Observation) => whyNot(o, NOW, heat());
    expect([why(reading(60)), why(reading(-4)), why(reading(61)), why(reading(-61))]).toEqual([null, null, "stale", "stale"]);
    expect([why(reading(90, 7, "suspect")), why(reading(0, Number.NaN)), why()]).toEqual(["flagged", "flagged", "silent"]);
  });

  it("keeps its place where it is left out, and is counted by reason", () => {
    const stream = (id: string, observed_property: string): [string, Datastream] => [id, { id, feed: "f", sensor: id, observed_property, unit: "u", lon: 118.25, lat: 33.98, height_m: 0 }];
    const datastreams = new Map([stream("a", "pm2_5"), stream("b", "pm2_5"), stream("c", "noise"), stream("d", "pm2_5"), stream("e", "pm2_5")]);
    const observations = new Map([["a", reading(5)], ["b", reading(500)], ["c", reading(5)], ["e", reading(1, 7, "suspect")]]);
    const frame = localFrame({ lon_deg: 118.25, lat_deg: 33.98, height_m: 0 });
    const { input, roll, streams } = gather(heat(), { datastreams, observations, incidents: new Map(), borders: [] }, frame, NOW);
    expect([input.samples.length, input.leftOut.length, streams]).toEqual([1, 3, ["a"]]);
    expect(leftOutWords(roll)).toEqual(["1 存疑 · 1 过时 · 1 无数据", "1 flagged · 1 stale · 1 silent"]);
  });

  it("of a layer of means is the mean that the hub told, where there is enough data for one", () => {
    const stream = (id: string): [string, Datastream] => [id, { id, feed: "f", sensor: id, observed_property: "pm2_5", unit: "u", lon: 118.25, lat: 33.98, height_m: 0 }];
    const mean = (datastream: string, value: number | null, heard: number): [string, SensorMean] => [datastream, { datastream, value, valid: heard / 4, heard }];
    const means = { property: "pm2_5", hours: 24, until: "2026-01-01T11:45:00Z", byDatastream: new Map([mean("a", 31.5, 96), mean("b", null, 76), mean("c", null, 0)]) };
    const world = { datastreams: new Map(["a", "b", "c"].map(stream)), observations: new Map([["b", reading(1)]]), incidents: new Map(), borders: [], means };
    const frame = localFrame({ lon_deg: 118.25, lat_deg: 33.98, height_m: 0 });
    const { input, roll, streams } = gather(heat({ mean_h: 24 }), world, frame, NOW);
    expect([input.samples.map((s) => s.value), streams, roll.newest]).toEqual([[31.5], ["a"], "2026-01-01T11:45:00Z"]);
    expect(leftOutWords(roll)[1]).toBe("1 silent · 1 not enough data");
    expect(gather(heat({ mean_h: 8 }), world, frame, NOW).roll.silent).toBe(3);
    expect(question(heat({ mean_h: 24 }), NOW + 14 * 60_000, "as_it_happened")).toBe("api/means?property=pm2_5&hours=24&time=2026-01-01T12%3A00%3A00.000Z&known=as_it_happened");
    expect(question(heat(), NOW, "as_it_happened")).toBeNull();
  });

  it("counts incidents by branch, and never those that were nothing", () => {
    const i = (category: string, state: string) => ({ category, state, domain: "traffic" }) as Incident;
    const jams = { category: "traffic/jam", open: true };
    expect([takes(jams, i("traffic/jam/long", "reported")), takes(jams, i("traffic/jammed", "reported")), takes(jams, i("traffic/jam", "closed"))]).toEqual([true, false, false]);
    expect([takes({}, i("a", "closed")), takes({}, i("a", "void")), takes({ domain: "emergency" }, i("a", "closed"))]).toEqual([true, false, false]);
  });
});

describe("a field", () => {
  it("at a sensor is its reading, out of reach it is nothing", () => {
    const { model } = compute(heat(), { samples: [at(0, 0, 10), at(1000, 0, 30)], leftOut: [] }, 8);
    expect(estimateAt(model, [0, 0])?.value).toBeCloseTo(10, 3);
    expect(estimateAt(model, [0, 2000])).toBeNull();
    expect(estimateAt(model, [500, 0])?.value).toBeCloseTo(20, 9);
  });

  it("over all sensors is the one over as many neighbours as there are", () => {
    const samples = Array.from({ length: 20 }, (_, i) => at(((i * 0.7549) % 1) * 4000, ((i * 0.5698) % 1) * 4000, 30 + ((i * 37) % 50)));
    const [all, some] = [heat({ power: 1.5 }), heat({ power: 1.5, neighbours: 32 })].map((h) => compute(h, { samples, leftOut: [[900, 900]] }, 24));
    expect(all?.error).toBeCloseTo(some?.error ?? 0, 9);
    all?.texels.forEach((t, i) => expect(t).toBeCloseTo(some?.texels[i] ?? 9, 5));
  });

  it("of nothing says nothing, whatever the method", () => {
    for (const method of ["idw", "kriging", "density", "areas", "hexagons"] as const) {
      const layer = compute(heat({ method }), { samples: [], leftOut: [] }, 8);
      expect(layer.texels.every((t) => t === 0), method).toBe(true);
      expect(estimateAt(layer.model, [0, 0])?.value ?? 0).toBe(0);
    }
  });

  it("by kriging of too few sensors is by distance, and says so", () => {
    const samples = [at(0, 0, 1), at(300, 0, 2), at(0, 300, 3)];
    const layer = compute(heat({ method: "kriging" }), { samples, leftOut: [] }, 8);
    expect([layer.method, layer.note?.[1].includes("too few")]).toEqual(["idw", true]);
  });

  it("takes fewer cells where there are very many sensors", () => {
    expect([cellsFor(40), cellsFor(1_000), cellsFor(10_000), cellsFor(1e9)]).toEqual([256, 136, 48, 48]);
  });
});

it("a ramp goes straight from one of its colours to the next", () => {
  const three = ["#000000", "#0a1420", "#ffffff"];
  expect([rampBytes(three, 0), rampBytes(three, 0.25), rampBytes(three, 0.5), rampBytes(three, 7)]).toEqual([[0, 0, 0], [5, 10, 16], [10, 20, 32], [255, 255, 255]]);
});
