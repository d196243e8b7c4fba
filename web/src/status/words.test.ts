import { expect, it } from "vitest";
import type { FeedStatus } from "../protocol";
import { lagWords, lamp, sinceWords, trouble, words } from "./words";

const feed: FeedStatus = {
  feed: "air", kind: "sensorthings", connected: true, received: 10, stored: 7, rejected: 2, conflated: 0, quarantined: 1,
  newest: "2026-05-01T08:00:00Z", last_error: null,
};

it("says how old the newest is and how much was not used", () => {
  const at = Date.parse("2026-05-01T08:05:00Z");
  expect(words({ ...feed, gaps: 4 }, at)).toEqual(["5 分钟前 · 7 条未用", "5 min ago · 7 unused"]);
  expect(words({ ...feed, rejected: 0, quarantined: 0, newest: null }, at)).toEqual(["无数据", "nothing yet"]);
});

it("says since when what was not used is counted, where something was", () => {
  const since = new Date(2026, 4, 1, 8, 5).toISOString();
  expect(sinceWords({ ...feed, since })).toEqual(["自 2026-05-01 起计", "counted since 2026-05-01"]);
  expect([sinceWords(feed), sinceWords({ ...feed, since, rejected: 0, quarantined: 0 })]).toEqual([null, null]);
});

it("says how long news take to the hub and to the screens, as far as it is known", () => {
  const lag = { arrival_p50_ms: 1_240, arrival_p99_ms: 300_000, screen_p50_ms: 65.4, screen_p99_ms: 129 };
  expect(lagWords(feed)).toBeNull();
  expect(lagWords({ ...feed, lag })).toEqual(["到达 1.2 s / 5 min · 上屏 65 ms / 129 ms", "arrives 1.2 s / 5 min · to screens 65 ms / 129 ms"]);
  expect(lagWords({ ...feed, lag: { ...lag, screen_p50_ms: null } })).toEqual(["到达 1.2 s / 5 min", "arrives 1.2 s / 5 min"]);
});

it("says what is wrong with a feed now and nothing that is over", () => {
  const was = { ...feed, last_error: "connection refused" };
  expect([lamp(was), trouble(was)]).toEqual(["live", null]);
  expect([lamp({ ...was, connected: false }), trouble({ ...was, connected: false })]).toEqual(["offline", "connection refused"]);
  expect([lamp({ ...was, held_back: "the disk is full" }), trouble({ ...was, held_back: "the disk is full" })]).toEqual(["", "the disk is full"]);
});
