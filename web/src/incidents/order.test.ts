import { expect, it } from "vitest";
import type { Incident } from "../protocol";
import { moves } from "./moves";
import { age, dueS, open, span, used } from "./order";

const T0 = Date.parse("2026-05-01T08:00:00Z");
const iso = (s: number): string => new Date(T0 + s * 1000).toISOString();
const incident = (id: string, part: Partial<Incident> = {}): Incident => ({
  id, version: 1, domain: "traffic", category: "traffic/jam", severity: "minor", state: "reported", title: id, title_en: "",
  description: "", lon: 118, lat: 34, area: null, source: "screen", reported_at: iso(0), updated_at: iso(0), due_at: null,
  acknowledged: null, unit: null, held: false, extensions: 0, bounces: 0, ...part,
});

it("lists open incidents, worst first, then oldest", () => {
  const list = [
    incident("young", { reported_at: iso(60) }),
    incident("old"),
    incident("worst", { severity: "critical", reported_at: iso(90) }),
    incident("done", { severity: "critical", state: "closed" }),
  ];
  expect(open(list).map((i) => i.id)).toEqual(["worst", "old", "young"]);
});

it("counts down to the limit, over it, and not while held", () => {
  const i = incident("i", { due_at: iso(600) });
  expect(dueS(i, T0)).toBe(600);
  expect(dueS(i, T0 + 700_000)).toBe(-100);
  expect(used(i, T0 + 300_000)).toBe(0.5);
  expect(dueS({ ...i, held: true }, T0)).toBeNull();
  expect(dueS({ ...i, state: "handled" }, T0)).toBeNull();
  expect(used(incident("none"), T0)).toBeNull();
});

it("writes spans and ages short", () => {
  expect([span(65), span(-3), span(3600 * 3 + 20 * 60), span(86_400 * 2 + 3600 * 4)]).toEqual(["1:05", "0:03", "3h 20m", "2d 4h"]);
  expect([age(T0, T0 + 10_000)[0], age(T0, T0 + 7_200_000)[1]]).toEqual(["刚刚", "2 h ago"]);
});

it("offers a field worker the unit's moves and an officer all of them", () => {
  const names = (i: Incident, role: "field" | "officer" | "viewer") => moves(i, role).map((m) => m.name);
  expect(names(incident("i"), "field")).toEqual(["acknowledge", "verify"]);
  expect(names(incident("i", { state: "dispatched" }), "field")).toEqual(["acknowledge", "sign", "return"]);
  const stamp = { actor: "a", screen: "s", at: iso(0) };
  expect(names(incident("i", { acknowledged: stamp, state: "registered" }), "officer")).toEqual(["dispatch", "hold", "void"]);
  expect(names(incident("i", { acknowledged: stamp, held: true }), "officer")).toEqual(["resume"]);
  expect(names(incident("i"), "viewer")).toEqual([]);
});
