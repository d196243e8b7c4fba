import { describe, expect, it } from "vitest";
import type { Keyframe, Tour } from "../protocol";
import { captionAt, lengthS, poseAt, positionS, turnDeg } from "./tour";

// The same tour and claims as the tests in `src/model/tour.rs`.
const key = (at_s: number, lon: number, heading_deg: number): Keyframe => ({
  at_s,
  pose: { lon, lat: 34, height_m: 20, heading_deg, pitch_deg: 40, distance_m: 800 },
  caption: null,
});
const tour: Tour = { name: "", name_en: "", keyframe: [key(0, 0, 350), key(10, 1, 10), key(15, 5, 30)] };

describe("a tour's camera", () => {
  it("passes through its keyframes and stays at the ends", () => {
    for (const k of tour.keyframe) expect(poseAt(tour, k.at_s)?.lon).toBeCloseTo(k.pose.lon, 12);
    expect(poseAt(tour, -5)?.lon).toBe(0);
    expect(poseAt(tour, 99)?.lon).toBe(5);
    expect(poseAt({ ...tour, keyframe: [] }, 1)).toBeNull();
  });

  it("never jumps and turns the short way", () => {
    let before = poseAt(tour, 0)!;
    for (let i = 1; i <= 1500; i += 1) {
      const now = poseAt(tour, i * 0.01)!;
      expect(now.lon - before.lon).toBeGreaterThanOrEqual(-1e-12);
      expect(now.lon - before.lon).toBeLessThan(0.02);
      const turn = turnDeg(before.heading_deg, now.heading_deg);
      expect(turn).toBeGreaterThan(-1e-9);
      expect(turn).toBeLessThan(0.2);
      before = now;
    }
  });

  it("gives the numbers worked out by hand", () => {
    // Slopes 0.1 and 0.8 a second, harmonic mean 0.16/0.9; tangent 0 at the start, so at u = 1/2: 1/2 - h m / 8.
    const m = (2 * 0.1 * 0.8) / 0.9;
    expect(poseAt(tour, 5)?.lon).toBeCloseTo(0.5 - (10 * m) / 8, 12);
    expect(poseAt(tour, 12.5)?.lon).toBeCloseTo(3 + (5 * m) / 8, 12);
  });
});

describe("a tour's place in time", () => {
  it("goes on with the hub's clock and never before its start", () => {
    const at = "2026-05-01T08:00:00Z";
    const playing = { state: "playing", position_s: 12, at } as const;
    expect(positionS(playing, Date.parse(at) + 30_000)).toBe(42);
    expect(positionS(playing, Date.parse(at) - 30_000)).toBe(12);
    expect(positionS({ state: "paused", position_s: 7 }, 0)).toBe(7);
    expect(positionS({ state: "off" }, 0)).toBeNull();
  });

  it("keeps a caption until the next one, and an empty one clears it", () => {
    const [a, b, c] = tour.keyframe as [Keyframe, Keyframe, Keyframe];
    const told: Tour = { ...tour, keyframe: [{ ...a, caption: { zh: "起点", en: "Start" } }, b, { ...c, caption: { zh: "", en: "" } }] };
    expect(captionAt(told, 0)?.zh).toBe("起点");
    expect(captionAt(told, 14.9)?.en).toBe("Start");
    expect(captionAt(told, 15)).toBeNull();
    expect(lengthS(told)).toBe(15);
  });
});
