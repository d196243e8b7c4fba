import { expect, it } from "vitest";
import type { Alert } from "../protocol";
import { drawn, labelPlace, shown, title } from "./shown";

const now = Date.parse("2026-07-25T08:00:00Z");
const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id, feed: "f", sender: "s", sent: "2026-07-25T06:00:00Z", status: "actual", severity: "minor", event: "暴雨", headline: "暴雨黄色预警",
  headline_en: "", description: "", instruction: "", areas: [], effective: "2026-07-25T06:00:00Z", onset: null,
  expires: "2026-07-25T12:00:00Z", cancelled: false, replaced_by: null, ...more,
});

it("shows what is real or an exercise until it is over, worst first", () => {
  const all = [
    alert("minor"), alert("exercise", { status: "exercise", severity: "critical" }), alert("critical", { severity: "critical" }), alert("test", { status: "test" }),
    alert("draft", { status: "draft" }), alert("over", { expires: "2026-07-25T07:59:59Z" }), alert("cancelled", { cancelled: true }),
  ];
  expect(shown(all, now).map((a) => a.id)).toEqual(["critical", "minor", "exercise"]);
});

it("never names an exercise without the word", () => {
  const exercise = alert("e", { status: "exercise", headline_en: "Rainstorm", areas: [{ name: "", polygons: [], circles: [[118, 34, 5000]], geocodes: [] }] });
  expect(title(exercise)).toEqual(["演练 · 暴雨黄色预警", "EXERCISE · Rainstorm"]);
  expect(title(alert("a"))).toEqual(["暴雨黄色预警", ""]);
  expect(drawn([exercise], now).labels.features[0]?.properties?.["name"]).toBe("演练 · 暴雨黄色预警 EXERCISE");
});

it("draws polygons and circles, the worst last, with a name inside each", () => {
  const square = [[118, 33], [119, 33], [119, 34], [118, 34], [118, 33]] as [number, number][];
  const both = { name: "宿城区", polygons: [square], circles: [[118.5, 33.5, 11_132]], geocodes: [] } as Alert["areas"][number];
  const { areas, labels } = drawn([alert("worst", { severity: "critical", areas: [both] }), alert("least", { areas: [both], effective: "2026-07-25T09:00:00Z" })], now);
  expect(areas.features.map((f) => [f.properties?.["id"], f.properties?.["announced"]])).toEqual([["least", true], ["least", true], ["worst", false], ["worst", false]]);
  const ring = areas.features[1]?.geometry.coordinates[0] ?? [];
  expect([ring.length, (ring[0]?.[1] ?? 0) - 33.5]).toEqual([49, expect.closeTo(0.1, 3)]);
  expect(ring[0]).toEqual(ring[48]);
  expect(labels.features).toHaveLength(4);
});

it("puts a name inside a bent area", () => {
  const u = [[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3], [0, 0]];
  const [x = 0] = labelPlace(u) ?? [];
  expect(x < 1 || x > 2).toBe(true);
  expect(labelPlace([[1, 1]])).toBeNull();
});
