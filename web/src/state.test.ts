import { expect, it } from "vitest";
import type { Alert, Incident, Snapshot, Unit, ViewState } from "./protocol";
import { applyDelta, EMPTY, fromSnapshot, inThePast } from "./state";

const incident = (id: string, version: number): Incident => ({
  id, version, domain: "traffic", category: "traffic/jam", severity: "minor", state: "reported", title: id, title_en: "",
  description: "", lon: 118, lat: 34, area: null, source: "screen", reported_at: "2026-05-01T08:00:00Z",
  updated_at: "2026-05-01T08:00:00Z", due_at: null, acknowledged: null, unit: null, held: false, extensions: 0, bounces: 0,
});
const view: ViewState = {
  scene: "s", camera: { lon: 118, lat: 34, height_m: 0, heading_deg: 0, pitch_deg: 45, distance_m: 900 },
  layers: {}, selection: null, clock: { mode: "live" }, tour: { state: "off" }, leader: null,
};
const snapshot: Snapshot = {
  revision: 5, time: "2026-05-01T08:00:00Z", view, incidents: [incident("a", 2)], units: [], datastreams: [],
  observations: [], feeds: [], screens: [],
};
const time = "2026-05-01T08:00:01Z";

it("holds a snapshot and applies deltas whole, changing only what changed", () => {
  const before = fromSnapshot(snapshot);
  const after = applyDelta(before, {
    revision: 7,
    time,
    changes: [
      { entity: "incident", incident: incident("a", 3) },
      { entity: "incident", incident: incident("b", 1) },
      { entity: "view", view: { ...view, leader: "desk-1" } },
    ],
  });
  expect(after.revision).toBe(7);
  expect(after.time).toBe(time);
  expect([...after.incidents.values()].map((i) => [i.id, i.version])).toEqual([["a", 3], ["b", 1]]);
  expect(after.view?.leader).toBe("desk-1");
  expect(before.incidents.get("a")?.version).toBe(2);
  expect(after.units).toBe(before.units);
});

it("leaves out what is older than what it has", () => {
  const before = fromSnapshot(snapshot);
  expect(applyDelta(before, { revision: 4, time, changes: [] })).toBe(before);
  expect(applyDelta(EMPTY, { revision: 4, time, changes: [] })).toBe(EMPTY);
  const after = applyDelta(before, { revision: 6, time, changes: [{ entity: "incident", incident: incident("a", 1) }] });
  expect(after.incidents.get("a")?.version).toBe(2);
});

it("keeps the newest observation of each datastream", () => {
  const reading = (value: number) => ({
    entity: "observation" as const,
    observation: { datastream: "d", phenomenon_time: time, value, quality: "good" as const },
  });
  const after = applyDelta(fromSnapshot(snapshot), { revision: 6, time, changes: [reading(1), reading(2)] });
  expect(after.observations.get("d")?.value).toBe(2);
  expect(after.observations.size).toBe(1);
});

it("takes alerts whole, and a hub that has none yet", () => {
  const alert = { id: "w", severity: "major" } as Alert;
  const before = fromSnapshot(snapshot);
  expect(before.alerts.size).toBe(0);
  const after = applyDelta(before, { revision: 6, time, changes: [{ entity: "alert", alert }] });
  expect([after.alerts.get("w"), before.alerts.size]).toEqual([alert, 0]);
});

it("shows the warnings that stood in the past, and none of now", () => {
  const alert = (id: string) => ({ id, severity: "major" }) as Alert;
  const now = fromSnapshot({ ...snapshot, alerts: [alert("now")] });
  const past = { time, known: "as_it_happened" as const, incidents: [], units: [], observations: [], missing: [] };
  expect([...inThePast(now, { ...past, alerts: [alert("then")] }).alerts.keys()]).toEqual(["then"]);
  expect(inThePast(now, past).alerts.size).toBe(0);
});

it("forgets a unit a day after its last position, by the hub's clock", () => {
  const unit = (id: string, seen_at: string): Unit => ({
    id, call_sign: id, domain: "traffic", kind: "officer", state: "available", lon: 118, lat: 34, heading_deg: 0, seen_at,
  });
  const before = fromSnapshot({ ...snapshot, units: [unit("gone", "2026-04-30T08:00:30Z"), unit("there", "2026-05-01T07:00:00Z")] });
  const hear = (state: typeof before, time: string) => applyDelta(state, { revision: 5, time, changes: [] });
  const same = hear(before, "2026-05-01T08:00:20Z");
  expect(same.units).toBe(before.units);
  expect([...hear(same, "2026-05-01T08:01:00Z").units.keys()]).toEqual(["there"]);
  expect(before.units.size).toBe(2);
});
