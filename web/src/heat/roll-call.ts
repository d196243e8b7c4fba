/** Which sensors inform a field, which are left out, and why, after `src/heat/roll_call.rs`; incidents that count, after `src/model/heat.rs`. */

import type { HeatConfig, Incident, IncidentFilter, Instant, Observation, SensorMean } from "../protocol";
import { ENDED } from "../protocol";

export type LeftOut = "flagged" | "stale" | "silent" | "scarce";

/** How many sensors were called and what came of it; of incidents only how many and the newest. */
export interface RollCall {
  present: number;
  flagged: number;
  stale: number;
  silent: number;
  /** Heard too little for a mean. */
  scarce: number;
  newest: Instant | null;
}

export const nobody = (): RollCall => ({ present: 0, flagged: 0, stale: 0, silent: 0, scarce: 0, newest: null });

/** Why a reading does not count at `nowMs`; `null` when it does. One from the future by no more than that is of a fast clock and counts. */
export function whyNot(reading: Observation | undefined, nowMs: number, heat: HeatConfig): LeftOut | null {
  if (!reading) return "silent";
  if (reading.quality !== "good" || !Number.isFinite(reading.value)) return "flagged";
  const old = Math.abs(nowMs - Date.parse(reading.phenomenon_time)) > heat.stale_after_min * 60_000;
  return old ? "stale" : null;
}

/** Why a sensor's mean does not count; `null` when it does. */
export function whyNotMean(mean: SensorMean | undefined): LeftOut | null {
  if (!mean || mean.heard === 0) return "silent";
  return mean.value === null || !Number.isFinite(mean.value) ? "scarce" : null;
}

export function count(roll: RollCall, why: LeftOut | null, time: Instant): void {
  if (why) roll[why] += 1;
  else {
    roll.present += 1;
    if (roll.newest === null || Date.parse(time) > Date.parse(roll.newest)) roll.newest = time;
  }
}

/** Those that turned out to be nothing (void, duplicate) never count. */
export function takes({ domain, category, open }: IncidentFilter, i: Incident): boolean {
  const below = category === undefined || category === null || i.category === category || i.category.startsWith(`${category}/`);
  return i.state !== "void" && i.state !== "duplicate" && !(open && ENDED.has(i.state)) && (!domain || domain === i.domain) && below;
}
