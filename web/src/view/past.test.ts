import { describe, expect, it } from "vitest";
import { pastMs } from "./past";

const at = (s: number): string => new Date(s * 1000).toISOString();

describe("the shared clock in the past", () => {
  it("is nowhere while it is live", () => expect(pastMs({ mode: "live" }, 5_000)).toBeNull());
  it("stands where it is held, and never after now", () => {
    expect(pastMs({ mode: "at", time: at(10), known: "as_it_happened" }, 99_000)).toBe(10_000);
    expect(pastMs({ mode: "at", time: at(200), known: "as_it_happened" }, 99_000)).toBe(99_000);
  });
  it("plays at its speed from the hub's instant, until it is now", () => {
    const clock = { mode: "playing", time: at(100), at: at(1000), speed: 60, known: "as_we_knew_it" } as const;
    expect(pastMs(clock, 1_010_000)).toBe(700_000);
    expect(pastMs(clock, 900_000)).toBe(100_000);
    expect(pastMs(clock, 2_000_000)).toBe(2_000_000);
  });
});
