/** What a feed's line says; pure. */

import type { Words } from "../i18n";
import { age } from "../incidents/order";
import type { FeedStatus } from "../protocol";

const unusedOf = (f: FeedStatus): number => f.rejected + f.quarantined + (f.gaps ?? 0);

/** How old the newest is, and what was not used. */
export function words(f: FeedStatus, nowMs: number): Words {
  const unused = unusedOf(f);
  const [zh, en] = f.newest === null ? ["无数据", "nothing yet"] : age(Date.parse(f.newest), nowMs);
  return unused > 0 ? [`${zh} · ${unused} 条未用`, `${en} · ${unused} unused`] : [zh, en];
}

/** Since when what was not used is counted, a day of this phone's calendar; `null` where nothing was, or it is not known. */
export function sinceWords(f: FeedStatus): Words | null {
  if (!f.since || unusedOf(f) === 0) return null;
  const d = new Date(f.since);
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return [`自 ${day} 起计`, `counted since ${day}`];
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
