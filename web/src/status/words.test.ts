import { expect, it } from "vitest";
import type { FeedStatus } from "../protocol";
import { lamp, trouble, words } from "./words";

const feed: FeedStatus = {
  feed: "air", kind: "sensorthings", connected: true, received: 10, stored: 7, rejected: 2, conflated: 0, quarantined: 1,
  newest: "2026-05-01T08:00:00Z", last_error: null,
};

it("says how old the newest is and how much was not used", () => {
  const at = Date.parse("2026-05-01T08:05:00Z");
  expect(words({ ...feed, gaps: 4 }, at)).toEqual(["5 分钟前 · 7 条未用", "5 min ago · 7 unused"]);
  expect(words({ ...feed, rejected: 0, quarantined: 0, newest: null }, at)).toEqual(["无数据", "nothing yet"]);
});

it("says what is wrong with a feed now and nothing that is over", () => {
  const was = { ...feed, last_error: "connection refused" };
  expect([lamp(was), trouble(was)]).toEqual(["live", null]);
  expect([lamp({ ...was, connected: false }), trouble({ ...was, connected: false })]).toEqual(["offline", "connection refused"]);
  expect([lamp({ ...was, held_back: "the disk is full" }), trouble({ ...was, held_back: "the disk is full" })]).toEqual(["", "the disk is full"]);
});
