/** Joins link, state and commands: the signals every part of the screen reads, and the one road for commands. */

import { computed, signal } from "@preact/signals";
import { now } from "./clock";
import { connection, Link } from "./link";
import type { Action, Command, FromHub, Incident, Outcome, PastWorld, Scene, Unit, ViewPatch, ViewState } from "./protocol";
import { randomId, settings } from "./settings";
import { applyDelta, type CityState, EMPTY, fromSnapshot, inThePast } from "./state";

/** What is now, as the hub tells it. */
const current = signal<CityState>(EMPTY);
/** What was, while the shared clock stands in the past. */
export const past = signal<PastWorld | null>(null);
/** The instant of what is shown, milliseconds of the hub's clock: ticks while live, stands or plays in the past. */
export const instant = computed(() => (past.value ? Date.parse(past.value.time) : now.value));
/** What is shown. */
export const city = computed<CityState>(() => (past.value ? inThePast(current.value, past.value) : current.value));
export const view = computed<ViewState | null>(() => current.value.view);
export const replaying = computed(() => (view.value?.clock.mode ?? "live") !== "live");
export const incidents = computed<ReadonlyMap<string, Incident>>(() => city.value.incidents);
export const units = computed<ReadonlyMap<string, Unit>>(() => city.value.units);
export const scene = signal<Scene | null>(null);
export const leading = computed(() => view.value?.leader === settings.value.screen);
export const live = computed(() => connection.value.is === "live");

/** A command on its way: nothing is shown as done until its outcome is here. */
export interface Pending {
  id: string;
  command: Command;
  sentMs: number;
}

/** The last answer about an incident, by incident id. */
export interface Answer {
  incident: string;
  action: string;
  outcome: Outcome;
}

/** More unanswered commands than this and the oldest are given up; only a hub that accepts frames and never answers gets here. */
const PENDING_MAX = 32;

export const pending = signal<ReadonlyMap<string, Pending>>(new Map());
export const answers = signal<ReadonlyMap<string, Answer>>(new Map());
/** Outcomes by command id, for who waits for one (the outbox). */
const waiting = new Map<string, (outcome: Outcome) => void>();
const onLive = new Set<() => void>();

const link = new Link({ message: receive, resume: () => current.value.revision });

/** Runs `f` each time the line comes (back) up. */
export function whenLive(f: () => void): void {
  onLive.add(f);
}

export function start(): void {
  link.connect();
  void loadScene();
  let before = false;
  live.subscribe((is) => {
    if (is && !before) {
      resend();
      for (const f of onLive) f();
      if (!scene.value) void loadScene();
    }
    before = is;
  });
}

export const introduce = (): void => link.again();

async function loadScene(): Promise<void> {
  try {
    const response = await fetch(new URL("api/scene", document.baseURI));
    if (response.ok) scene.value = readable((await response.json()) as Scene);
  } catch {
    // Tried again when the line comes up; without it there is no tour and no legend, the rest works.
  }
}

/** Without the layers of a hub older than this page, or of its kept copy, which tells no colours. */
function readable(scene: Scene): Scene {
  const heat = (scene.heat ?? []).filter((h) => h.colours?.length > 1 && h.bounds?.length > 1);
  if (heat.length < (scene.heat?.length ?? 0)) console.warn("heat layers without colours are left out: the hub is older than this page");
  return { ...scene, heat };
}

function receive(message: FromHub): void {
  switch (message.type) {
    case "snapshot":
      current.value = fromSnapshot(message);
      return;
    case "delta":
      current.value = applyDelta(current.value, message);
      return;
    case "reply":
      answered(message.id, message.outcome);
      return;
    case "gap": // A snapshot follows; until then the old state stays, with its revision.
    case "welcome":
    case "pong":
    case "bye":
  }
}

function answered(id: string, outcome: Outcome): void {
  const command = pending.value.get(id)?.command;
  const rest = new Map(pending.value);
  rest.delete(id);
  pending.value = rest;
  if (command?.do === "incident") {
    const answer = { incident: command.incident, action: command.action.action, outcome };
    answers.value = new Map(answers.value).set(command.incident, answer);
    if (outcome.outcome === "conflict") {
      const known = current.value;
      const newer = new Map(known.incidents).set(outcome.current.id, outcome.current);
      current.value = { ...known, incidents: newer };
    }
  }
  waiting.get(id)?.(outcome);
  waiting.delete(id);
}

/** Sends a command; false when there is no line. A repeated `id` is answered again and not done twice. */
export function send(command: Command, id = randomId(), then?: (outcome: Outcome) => void): boolean {
  if (!link.send({ type: "command", id, ...command })) return false;
  if (then) waiting.set(id, then);
  const kept = [...pending.value].slice(-(PENDING_MAX - 1));
  pending.value = new Map([...kept, [id, { id, command, sentMs: Date.now() }]]);
  return true;
}

/** After a break: moves on incidents whose answer got lost are asked again under the same id; view changes are not, they are stale. */
function resend(): void {
  const again = [...pending.value].filter(([, p]) => p.command.do === "incident");
  pending.value = new Map(again);
  for (const [id, p] of again) link.send({ type: "command", id, ...p.command });
}

export function act(incident: Incident, action: Action, reason: string | null): boolean {
  const others = new Map(answers.value);
  others.delete(incident.id);
  answers.value = others;
  return send({
    do: "incident",
    incident: incident.id,
    expected_version: incident.version,
    action,
    reason,
    device_time: new Date().toISOString(),
  });
}

/** The move on its way for this incident. */
export const pendingFor = (incident: string): Pending | null =>
  [...pending.value.values()].find((p) => p.command.do === "incident" && p.command.incident === incident) ?? null;

export const patchView = (patch: ViewPatch): boolean => send({ do: "view", patch });
export const takeLead = (): boolean => send({ do: "take_lead" });

export const mayLead = computed(() => settings.value.role === "officer" || settings.value.role === "presenter");
