// Held to `src/model/lifecycle.rs` and the category trees: `tests/page/lifecycle.rs` writes what is allowed, this compares what the page offers.
import { describe, expect, it } from "vitest";
import kept from "../../test/fixtures/moves.json";
import categories from "../../test/fixtures/categories.json";
import type { Incident, IncidentState, Role } from "../protocol";
import { ENDED } from "../protocol";
import { CATEGORIES } from "../report/categories";
import { FROM, moves, type MoveName } from "./moves";

/** Allowed, but left to the desk: they need a date or another incident, or a second look at the whole case. */
const LEFT_TO_THE_DESK: Partial<Record<MoveName, readonly IncidentState[] | "everywhere">> = {
  extend: "everywhere",
  mark_duplicate: "everywhere",
  hold: ["reported", "verifying", "accepted", "dispatched", "en_route", "handled", "checking"],
  void: ["dispatched", "en_route", "handling", "handled", "checking"],
};

const incident = (state: IncidentState, held: boolean): Incident => ({
  id: "i", version: 1, domain: "traffic", category: "traffic/accident/collision", severity: "minor", state, title: "t", title_en: "",
  description: "", lon: 0, lat: 0, area: null, source: "s", reported_at: "1970-01-01T00:00:00Z", updated_at: "1970-01-01T00:00:00Z",
  due_at: null, acknowledged: null, unit: null, held, extensions: 0, bounces: 0,
});

const cases = (["free", "held"] as const).flatMap((how) =>
  Object.entries(kept[how]).flatMap(([state, roles]) =>
    Object.entries(roles).map(([role, allowed]) => ({ how, state: state as IncidentState, role: role as Role, allowed: allowed as string[] })),
  ),
);

describe("the moves that are offered", () => {
  it("know every state of the hub, and which of them are ends", () => {
    expect(Object.keys(kept.free).sort()).toEqual(Object.keys(FROM).sort());
    // Only what is not over can be acknowledged.
    const over = Object.entries(kept.free).flatMap(([state, roles]) => (roles.officer.includes("acknowledge") ? [] : [state]));
    expect([...ENDED].sort()).toEqual(over.sort());
  });

  it("are none the hub would refuse, and all it would accept but what is left to the desk", () => {
    const wrong = cases.flatMap(({ how, state, role, allowed }) => {
      const offered: string[] = moves(incident(state, how === "held"), role).map((m) => m.name);
      const isLeft = (name: string): boolean => {
        const left = LEFT_TO_THE_DESK[name as MoveName];
        return left === "everywhere" || (left !== undefined && (how === "held" || left.includes(state)));
      };
      const where = `${how} ${state}, ${role}`;
      const refused = offered.filter((name) => !allowed.includes(name)).map((name) => `${where}: ${name} would be refused`);
      return [...refused, ...allowed.filter((name) => !offered.includes(name) && !isLeft(name)).map((name) => `${where}: ${name} is not offered`)];
    });
    expect(cases.length).toBe(13 * 4 * 2);
    expect(wrong).toEqual([]);
  });
});

it("every category of the report form is one of the city's trees, under its own domain", () => {
  for (const [domain, list] of Object.entries(CATEGORIES)) {
    for (const { path } of list) {
      expect(Object.keys(categories), path).toContain(path);
      expect(path.split("/")[0]).toBe(domain);
    }
  }
});
