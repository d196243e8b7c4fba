import { expect, it } from "vitest";
import { along } from "./scale";

it("each class takes the same part of the ramp, two bounds are a plain range", () => {
  const pm = [0, 35, 75, 115, 150, 250, 500];
  expect(along(35, pm)).toBeCloseTo(1 / 6);
  expect(along(55, pm)).toBeCloseTo(1.5 / 6);
  expect(along(900, pm)).toBe(1);
  expect(along(-3, pm)).toBe(0);
  expect(along(60, [35, 85])).toBeCloseTo(0.5);
});
