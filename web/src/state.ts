/** What the hub says is so, kept by a pure reducer: a snapshot replaces everything, a delta changes single things whole. */

import type {
  Alert,
  Change,
  Datastream,
  Delta,
  FeedStatus,
  Incident,
  Instant,
  Observation,
  PastWorld,
  ScreenInfo,
  Snapshot,
  Unit,
  ViewState,
} from "./protocol";

export interface CityState {
  /** Last revision applied; `null` until the first snapshot. */
  revision: number | null;
  /** Hub clock of that revision. */
  time: Instant | null;
  view: ViewState | null;
  incidents: ReadonlyMap<string, Incident>;
  units: ReadonlyMap<string, Unit>;
  datastreams: ReadonlyMap<string, Datastream>;
  /** Newest of each datastream, by datastream id. */
  observations: ReadonlyMap<string, Observation>;
  alerts: ReadonlyMap<string, Alert>;
  feeds: ReadonlyMap<string, FeedStatus>;
  screens: readonly ScreenInfo[];
  /** How many there are, where not all are told. */
  screensTotal: number;
}

export const EMPTY: CityState = {
  revision: null,
  time: null,
  view: null,
  incidents: new Map(),
  units: new Map(),
  datastreams: new Map(),
  observations: new Map(),
  alerts: new Map(),
  feeds: new Map(),
  screens: [],
  screensTotal: 0,
};

const by = <T>(list: readonly T[], key: (item: T) => string): Map<string, T> =>
  new Map(list.map((item) => [key(item), item]));

export function fromSnapshot(s: Snapshot): CityState {
  return {
    revision: s.revision,
    time: s.time,
    view: s.view,
    incidents: by(s.incidents, (i) => i.id),
    units: by(s.units, (u) => u.id),
    datastreams: by(s.datastreams, (d) => d.id),
    observations: by(s.observations, (o) => o.datastream),
    alerts: by(s.alerts ?? [], (a) => a.id),
    feeds: by(s.feeds, (f) => f.feed),
    screens: s.screens,
    // A phone is told no names, and the number a moment later.
    screensTotal: Math.max(s.screens.length, 1),
  };
}

/** What was in place of what is; the view, the screens and the sensors' places stay as they are now. */
export function inThePast(now: CityState, past: PastWorld): CityState {
  return {
    ...now,
    incidents: by(past.incidents, (i) => i.id),
    units: by(past.units, (u) => u.id),
    observations: by(past.observations, (o) => o.datastream),
    alerts: by(past.alerts ?? [], (a) => a.id),
  };
}

/**
 * Applies one delta. A delta older than the state is left out (it can arrive twice after a resume), and so is an
 * incident older than the one at hand. Maps that did not change keep their identity, so that watchers can compare by `===`.
 */
export function applyDelta(state: CityState, delta: Delta): CityState {
  if (state.revision === null || delta.revision < state.revision) return state;
  const next: CityState = { ...state, revision: delta.revision, time: delta.time };
  const copied = new Set<string>();
  for (const change of delta.changes) applyChange(next, change, copied);
  if (minute(state.time) !== minute(delta.time)) forgetUnits(next, Date.parse(delta.time));
  return next;
}

/** So long after its last position the hub and all screens forget a unit; no message says so. */
const UNIT_KEPT_MS = 24 * 3_600_000;

const minute = (time: Instant | null): number => (time === null ? -1 : Math.floor(Date.parse(time) / 60_000));

function forgetUnits(state: CityState, nowMs: number): void {
  const kept = [...state.units].filter(([, unit]) => nowMs - Date.parse(unit.seen_at) <= UNIT_KEPT_MS);
  if (kept.length < state.units.size) state.units = new Map(kept);
}

function applyChange(state: CityState, change: Change, copied: Set<string>): void {
  /** A copy of the map on its first change in this delta. */
  const writable = <T>(name: string, map: ReadonlyMap<string, T>): Map<string, T> => {
    if (copied.has(name)) return map as Map<string, T>;
    copied.add(name);
    return new Map(map);
  };
  switch (change.entity) {
    case "view":
      state.view = change.view;
      return;
    case "screens":
      state.screens = change.screens;
      state.screensTotal = Math.max(change.total ?? 0, change.screens.length);
      return;
    case "incident": {
      const known = state.incidents.get(change.incident.id);
      if (known && known.version > change.incident.version) return;
      const map = writable("incidents", state.incidents);
      state.incidents = map.set(change.incident.id, change.incident);
      return;
    }
    case "unit":
      state.units = writable("units", state.units).set(change.unit.id, change.unit);
      return;
    case "datastream":
      state.datastreams = writable("datastreams", state.datastreams).set(change.datastream.id, change.datastream);
      return;
    case "observation": {
      const map = writable("observations", state.observations);
      state.observations = map.set(change.observation.datastream, change.observation);
      return;
    }
    case "alert":
      state.alerts = writable("alerts", state.alerts).set(change.alert.id, change.alert);
      return;
    case "feed":
      state.feeds = writable("feeds", state.feeds).set(change.feed.feed, change.feed);
  }
}
