import { expect, it } from "vitest";
import type { CameraPose } from "../protocol";
import { toMapCamera, toPose } from "./pose";

const pose: CameraPose = { lon: 118.2757, lat: 33.9631, height_m: 15, heading_deg: 340, pitch_deg: 42, distance_m: 2600 };

it("comes back to the same pose", () => {
  const back = toPose(toMapCamera(pose, 600), 600, pose.height_m);
  for (const name of Object.keys(pose) as (keyof CameraPose)[]) expect(back[name]).toBeCloseTo(pose[name], 6);
});

it("spans the ground that 35 degrees see from that distance", () => {
  const { zoom, pitch, bearing } = toMapCamera({ ...pose, pitch_deg: 90, distance_m: 1000 }, 600);
  const metresPerPixel = (40_075_016.6856 * Math.cos((pose.lat * Math.PI) / 180)) / (512 * 2 ** zoom);
  expect(600 * metresPerPixel).toBeCloseTo(2 * 1000 * Math.tan((17.5 * Math.PI) / 180), 3);
  expect(pitch).toBe(0);
  expect(bearing).toBe(-20);
});

it("never tilts the phone up to the horizon", () => {
  expect(toMapCamera({ ...pose, pitch_deg: 3 }, 600).pitch).toBe(65);
});
