/** Where a shared clock stands in the past. Pure. */

import type { Clock } from "../protocol";

/** Milliseconds since 1970 of what is shown when the hub's clock is `hub`; `null` while it is live. Never later than now. */
export function pastMs(clock: Clock, hub: number): number | null {
  switch (clock.mode) {
    case "live":
      return null;
    case "at":
      return Math.min(Date.parse(clock.time), hub);
    case "playing":
      return Math.min(Date.parse(clock.time) + Math.max(0, hub - Date.parse(clock.at)) * clock.speed, hub);
  }
}
