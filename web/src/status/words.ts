/** What a feed's line says; pure. */

import type { Words } from "../i18n";
import { age } from "../incidents/order";
import type { FeedStatus } from "../protocol";

/** How old the newest is, and what was not used. */
export function words(f: FeedStatus, nowMs: number): Words {
  const unused = f.rejected + f.quarantined + (f.gaps ?? 0);
  const [zh, en] = f.newest === null ? ["无数据", "nothing yet"] : age(Date.parse(f.newest), nowMs);
  return unused > 0 ? [`${zh} · ${unused} 条未用`, `${en} · ${unused} unused`] : [zh, en];
}

/** Colour of a feed's lamp: held back by the hub, connected, or not. */
export function lamp(f: FeedStatus): "" | "live" | "offline" {
  return f.held_back ? "" : f.connected ? "live" : "offline";
}

/** What is wrong with a feed now; while all is well an old error is history. */
export function trouble(f: FeedStatus): string | null {
  return f.held_back ?? (f.connected ? null : f.last_error);
}
