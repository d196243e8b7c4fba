/** The tour's arithmetic, the same as `src/model/tour.rs` and `TourState` in `view.rs`: any screen computes the same position. */

import type { CameraPose, Caption, Tour, TourState } from "../protocol";

/** `%` with the sign of the divisor, as Rust's `rem_euclid`. */
export const remEuclid = (a: number, b: number): number => ((a % b) + b) % b;

/** Smallest turn from one heading to another, degrees in [-180, 180). */
export const turnDeg = (from: number, to: number): number => remEuclid(to - from + 180, 360) - 180;

/** Seconds into the tour at hub time `nowMs`; `null` when off. */
export function positionS(state: TourState, nowMs: number): number | null {
  switch (state.state) {
    case "off":
      return null;
    case "paused":
      return state.position_s;
    case "playing":
      return state.position_s + Math.max(0, (nowMs - Date.parse(state.at)) / 1000);
  }
}

/** Time of the last keyframe, seconds. */
export const lengthS = (tour: Tour): number => tour.keyframe.at(-1)?.at_s ?? 0;

/** The caption that stands at `position_s`; an empty one clears what stood before. */
export function captionAt(tour: Tour, position: number): Caption | null {
  let found: Caption | null = null;
  for (const key of tour.keyframe) {
    if (key.at_s > position) break;
    if (key.caption) found = key.caption;
  }
  return found && (found.zh !== "" || found.en !== "") ? found : null;
}

/** The camera at `position`, clamped to the tour's ends; `null` for a tour without keyframes. Headings go the short way round. */
export function poseAt(tour: Tour, position: number): CameraPose | null {
  const keys = tour.keyframe;
  const first = keys[0];
  const last = keys.at(-1);
  if (!first || !last) return null;
  const t = Math.min(Math.max(position, first.at_s), last.at_s);
  const after = keys.findIndex((k) => k.at_s > t);
  if (after < 0) return last.pose;
  const i = after - 1;
  const start = Math.max(0, i - 1);
  const near = keys.slice(start, i + 3);
  const at = near.map((k) => k.at_s);
  const along = (values: number[]): number => monotoneCubic(at, values, i - start, t);
  const of = (field: keyof CameraPose): number => along(near.map((k) => k.pose[field]));
  const headings: number[] = [];
  for (const { pose } of near) {
    const before = headings.at(-1);
    headings.push(before === undefined ? pose.heading_deg : before + turnDeg(before, pose.heading_deg));
  }
  return {
    lon: of("lon"),
    lat: of("lat"),
    height_m: of("height_m"),
    heading_deg: remEuclid(along(headings), 360),
    pitch_deg: of("pitch_deg"),
    distance_m: of("distance_m"),
  };
}

/**
 * Value at `t` between `at[i]` and `at[i + 1]`: monotone cubic Hermite (Fritsch and Carlson 1980), tangents by the harmonic
 * mean, nought at the ends so that the tour eases in and out.
 */
export function monotoneCubic(at: readonly number[], values: readonly number[], i: number, t: number): number {
  const x = (j: number): number => at[j] ?? 0;
  const y = (j: number): number => values[j] ?? 0;
  const slope = (j: number): number => (y(j + 1) - y(j)) / Math.max(x(j + 1) - x(j), Number.EPSILON);
  const tangent = (j: number): number => {
    if (j === 0 || j + 1 === values.length) return 0;
    const [a, b] = [slope(j - 1), slope(j)];
    return a * b <= 0 ? 0 : (2 * a * b) / (a + b);
  };
  const h = Math.max(x(i + 1) - x(i), Number.EPSILON);
  const u = (t - x(i)) / h;
  const [u2, u3] = [u * u, u * u * u];
  return (
    y(i) * (2 * u3 - 3 * u2 + 1) +
    h * tangent(i) * (u3 - 2 * u2 + u) +
    y(i + 1) * (3 * u2 - 2 * u3) +
    h * tangent(i + 1) * (u3 - u2)
  );
}
