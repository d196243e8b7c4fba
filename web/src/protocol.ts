/**
 * Messages between the hub and this screen, as `src/model/protocol.rs` and its neighbours write them with serde:
 * snake case, internally tagged. Instants are RFC 3339 strings, angles degrees (WGS 84), lengths metres.
 */

import type { HeatConfig } from "./heat/config";

export type { HeatConfig, HeatMethod, IncidentFilter } from "./heat/config";

export const PROTOCOL_VERSION = 1;

export type Instant = string;
export type ScreenClass = "large" | "medium" | "small";
export type Role = "viewer" | "field" | "officer" | "presenter";

export type Domain = "public_order" | "urban_management" | "emergency" | "traffic";
export type Severity = "critical" | "major" | "minor" | "info";
export type IncidentState =
  | "reported"
  | "verifying"
  | "accepted"
  | "registered"
  | "dispatched"
  | "en_route"
  | "handling"
  | "handled"
  | "checking"
  | "closed"
  | "evaluated"
  | "duplicate"
  | "void";

export interface Stamp {
  actor: string;
  screen: string;
  at: Instant;
}

export interface Incident {
  id: string;
  /** Counts this incident's events; a command names the version it was decided on. */
  version: number;
  domain: Domain;
  category: string;
  severity: Severity;
  state: IncidentState;
  title: string;
  title_en: string;
  description: string;
  lon: number;
  lat: number;
  area: string | null;
  source: string;
  reported_at: Instant;
  updated_at: Instant;
  due_at: Instant | null;
  acknowledged: Stamp | null;
  unit: string | null;
  held: boolean;
  extensions: number;
  bounces: number;
}

export interface Report {
  id: string;
  domain: Domain;
  category: string;
  severity: Severity;
  title: string;
  title_en: string;
  description: string;
  lon: number;
  lat: number;
  area: string | null;
  reported_at: Instant | null;
}

export type Action =
  | { action: "acknowledge" | "verify" | "accept" | "register" | "sign" | "return" | "arrive" | "finish" }
  | { action: "check" | "rework" | "close" | "reopen" | "hold" | "resume" | "void" }
  | { action: "dispatch"; unit: string }
  | { action: "evaluate"; score: number }
  | { action: "extend"; due_at: Instant }
  | { action: "mark_duplicate"; of: string };

export interface Unit {
  id: string;
  call_sign: string;
  domain: Domain;
  kind: string;
  state: "available" | "en_route" | "on_scene" | "off_duty";
  lon: number;
  lat: number;
  heading_deg: number;
  seen_at: Instant;
  /** From then on its place no longer holds, as its source says. */
  stale_at?: Instant;
  details?: string;
}

export interface Datastream {
  id: string;
  feed: string;
  sensor: string;
  observed_property: string;
  unit: string;
  lon: number;
  lat: number;
  height_m: number;
}

export interface Observation {
  datastream: string;
  /** Of a reading that stands for a span of time, its end. */
  phenomenon_time: Instant;
  /** When that span began. */
  phenomenon_start?: Instant;
  value: number;
  quality: "good" | "suspect";
}

/** A public warning in the words of the Common Alerting Protocol. */
export interface Alert {
  id: string;
  feed: string;
  sender: string;
  sent: Instant;
  status: "actual" | "exercise" | "system" | "test" | "draft";
  severity: Severity;
  event: string;
  headline: string;
  headline_en: string;
  description: string;
  instruction: string;
  areas: AlertArea[];
  /** When it begins to hold; later than now: announced. */
  effective: Instant;
  onset: Instant | null;
  expires: Instant | null;
  cancelled: boolean;
  replaced_by: string | null;
}

export interface AlertArea {
  name: string;
  /** Closed rings of longitude and latitude, each one a polygon of its own. */
  polygons: [number, number][][];
  /** Longitude, latitude, radius in metres. */
  circles: [number, number, number][];
  geocodes: [string, string][];
}

/** Messages by a short word of what became of them. */
export type Counts = Record<string, number>;

export interface FeedStatus {
  feed: string;
  kind: string;
  connected: boolean;
  /** Since when all counts are kept: they go on over restarts of the hub. */
  since?: Instant;
  received: number;
  stored: number;
  rejected: number;
  rejected_for?: Counts;
  conflated: number;
  conflated_by?: Counts;
  quarantined: number;
  quarantined_for?: Counts;
  /** Messages that never came. */
  gaps?: number;
  /** Milliseconds, 50th and 99th percentile of the last minute: from the event to the hub, and from there to a screen's socket. */
  lag?: { arrival_p50_ms: number; arrival_p99_ms: number; screen_p50_ms: number | null; screen_p99_ms: number | null } | null;
  newest: Instant | null;
  /** Why the hub takes nothing just now, and its source waits. */
  held_back?: string;
  last_error: string | null;
}

/** Looks at a target from `distance_m` away; `pitch_deg` is degrees below the horizon (90: straight down). */
export interface CameraPose {
  lon: number;
  lat: number;
  height_m: number;
  heading_deg: number;
  pitch_deg: number;
  distance_m: number;
}

export type Selection = { kind: "incident" | "feature" | "sensor" | "unit"; id: string };
/** Whose past is shown: by when things happened, or only what had reached the hub by then. */
export type Known = "as_it_happened" | "as_we_knew_it";
export type Clock =
  | { mode: "live" }
  | { mode: "at"; time: Instant; known: Known }
  /** It was `time` when the hub's clock was `at`, and goes on `speed` times as fast. */
  | { mode: "playing"; time: Instant; at: Instant; speed: number; known: Known };
export type TourState =
  | { state: "off" }
  | { state: "playing"; position_s: number; at: Instant }
  | { state: "paused"; position_s: number };

export interface ViewState {
  scene: string;
  camera: CameraPose;
  layers: Record<string, boolean>;
  selection: Selection | null;
  clock: Clock;
  tour: TourState;
  leader: string | null;
}

export type TourMove = { move: "play" | "pause" | "leave" } | { move: "seek"; position_s: number };

/** An absent part is left as it is; `selection: null` clears it. */
export interface ViewPatch {
  camera?: CameraPose;
  layers?: Record<string, boolean>;
  selection?: Selection | null;
  clock?: Clock;
  tour?: TourMove;
}

export interface ScreenInfo {
  screen: string;
  class: ScreenClass;
  role: Role;
  actor: string;
  dropped: number;
}

/** A sensor's mean; `value` is null where there is not enough data, `heard` counts quarters of an hour with readings. */
export interface SensorMean {
  datastream: string;
  value: number | null;
  valid: number;
  heard: number;
}

/** Moving means of a property: `GET api/means?property=…&hours=…&time=…&known=…`. */
export interface Means {
  property: string;
  hours: number;
  until: Instant;
  needed: number;
  means: SensorMean[];
  missing: string[];
}

/** What was at an instant: `GET api/at?time=…&known=…`. */
export interface PastWorld {
  time: Instant;
  known: Known;
  incidents: Incident[];
  units: Unit[];
  observations: Observation[];
  /** Those that stood at that instant; a hub of before they were kept tells none. */
  alerts?: Alert[];
  /** What could not be told, in words. */
  missing: string[];
}

export interface Snapshot {
  revision: number;
  time: Instant;
  view: ViewState;
  incidents: Incident[];
  units: Unit[];
  datastreams: Datastream[];
  observations: Observation[];
  alerts?: Alert[];
  feeds: FeedStatus[];
  screens: ScreenInfo[];
}

export type Change =
  | { entity: "view"; view: ViewState }
  | { entity: "incident"; incident: Incident }
  | { entity: "unit"; unit: Unit }
  | { entity: "datastream"; datastream: Datastream }
  | { entity: "observation"; observation: Observation }
  | { entity: "alert"; alert: Alert }
  | { entity: "feed"; feed: FeedStatus }
  | { entity: "screens"; screens: ScreenInfo[]; total?: number };

export interface Delta {
  revision: number;
  time: Instant;
  changes: Change[];
}

export type Outcome =
  | { outcome: "accepted"; version: number; revision: number }
  | { outcome: "conflict"; current: Incident }
  | { outcome: "rejected"; rule: string; rule_zh: string };

export type FromHub =
  | { type: "welcome"; version: number; hub: string; time: Instant }
  | ({ type: "snapshot" } & Snapshot)
  | ({ type: "delta" } & Delta)
  | { type: "gap"; from: number; to: number }
  | { type: "reply"; id: string; outcome: Outcome }
  | { type: "pong"; sent_ms: number; time: Instant }
  | { type: "bye"; why: string };

export type Command =
  | { do: "report"; report: Report }
  | {
      do: "incident";
      incident: string;
      expected_version: number;
      action: Action;
      reason: string | null;
      device_time: Instant;
    }
  | { do: "view"; patch: ViewPatch }
  | { do: "take_lead" };

export type FromScreen =
  | {
      type: "hello";
      version: number;
      screen: string;
      class: ScreenClass;
      role: Role;
      actor: string;
      token: string | null;
      resume: number | null;
    }
  | { type: "subscribe"; viewport: [number, number, number, number] | null }
  | ({ type: "command"; id: string } & Command)
  | { type: "ping"; sent_ms: number };

export interface Caption {
  zh: string;
  en: string;
}

export interface Keyframe {
  at_s: number;
  pose: CameraPose;
  caption?: Caption | null;
}

export interface Tour {
  name: string;
  name_en: string;
  keyframe: Keyframe[];
}

export interface NamedCamera {
  id: string;
  name: string;
  name_en: string;
  pose: CameraPose;
}

/** `/api/scene`: the scene's TOML as JSON; only what this screen reads. */
export interface Scene {
  name: string;
  name_en: string;
  heat?: HeatConfig[];
  camera?: NamedCamera[];
  tour?: Tour | null;
  /** Where the city's local frame stands; `null` when the package has none. */
  anchor?: { lon_deg: number; lat_deg: number; height_m: number } | null;
}

export const ENDED: ReadonlySet<IncidentState> = new Set(["closed", "evaluated", "duplicate", "void"]);
