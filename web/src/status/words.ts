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

/** A span in the unit that suits it. */
const span = (ms: number): string =>
  ms < 1_000 ? `${ms.toFixed(0)} ms` : ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : ms < 3_600_000 ? `${(ms / 60_000).toFixed(0)} min` : `${(ms / 3_600_000).toFixed(0)} h`;

/** How long the middle and the slowest hundredth of its news took to the hub and from there to the screens; `null` while none come. */
export function lagWords(f: FeedStatus): Words | null {
  if (!f.lag) return null;
  const pair = (p50: number, p99: number) => `${span(p50)} / ${span(p99)}`;
  const { arrival_p50_ms, arrival_p99_ms, screen_p50_ms, screen_p99_ms } = f.lag;
  const arrival = pair(arrival_p50_ms, arrival_p99_ms);
  if (screen_p50_ms === null || screen_p99_ms === null) return [`到达 ${arrival}`, `arrives ${arrival}`];
  const screen = pair(screen_p50_ms, screen_p99_ms);
  return [`到达 ${arrival} · 上屏 ${screen}`, `arrives ${arrival} · to screens ${screen}`];
}

/** Colour of a feed's lamp: held back by the hub, connected, or not. */
export function lamp(f: FeedStatus): "" | "live" | "offline" {
  return f.held_back ? "" : f.connected ? "live" : "offline";
}

/** What is wrong with a feed now; while all is well an old error is history. */
export function trouble(f: FeedStatus): string | null {
  return f.held_back ?? (f.connected ? null : f.last_error);
}
