/** What this phone shows now: the open sheet, the selected incident, its own layer switches. Not shared unless this screen leads. */

import { computed, effect, signal } from "@preact/signals";
import type { HeatConfig, Incident } from "../protocol";
import { incidents, leading, patchView, scene, view } from "../session";
import { settings } from "../settings";

export type Sheet = "list" | "card" | "heat" | "report" | "layers" | "settings";
export type Height = "peek" | "half" | "full";

export const sheet = signal<Sheet>("list");
export const height = signal<Height>("peek");
/** Visible part of the sheet, CSS pixels; the map keeps its centre clear of it. */
export const sheetPx = signal(0);

const selectedId = signal<string | null>(null);
export const selected = computed(() => (selectedId.value ? (incidents.value.get(selectedId.value) ?? null) : null));

export function show(what: Sheet, at: Height): void {
  sheet.value = what;
  height.value = at;
}

/** The incident last chosen in the list, for the map to go to. */
export const tapped = signal<Incident | null>(null);

/** From the list: selects and brings into the picture. */
export function goTo(incident: Incident): void {
  select(incident.id);
  tapped.value = incident;
}

export function select(id: string | null): void {
  selectedId.value = id;
  if (leading.value) patchView({ selection: id ? { kind: "incident", id } : null });
  if (id) show("card", "half");
  else if (sheet.value === "card") show("list", "peek");
}

// The leader's selection, while following; a person in the middle of a report or in the settings is left alone.
let followedSelection: string | null = null;
effect(() => {
  const selection = view.value?.selection ?? null;
  const id = selection?.kind === "incident" ? selection.id : null;
  if (!settings.value.follow || leading.value || id === followedSelection) return;
  followedSelection = id;
  selectedId.value = id;
  if (id && sheet.peek() === "list") show("card", "peek");
  else if (!id && sheet.peek() === "card") show("list", "peek");
});

const ownLayers = signal<Record<string, boolean>>({});

// A change of the shared layers undoes this phone's own switches while it follows.
let sharedLayers = "";
effect(() => {
  const now = JSON.stringify(view.value?.layers ?? {});
  if (now !== sharedLayers && settings.value.follow) ownLayers.value = {};
  sharedLayers = now;
});

export const layers = computed<Record<string, boolean>>(() => ({ ...view.value?.layers, ...ownLayers.value }));

export const isShown = (id: string): boolean =>
  layers.value[id] ?? scene.value?.heat?.find((h) => h.id === id)?.shown ?? true;

export function toggle(id: string): void {
  const to = !isShown(id);
  // One heat layer at a time: two ramps on one map can't be read.
  const heats = scene.value?.heat?.map((h) => h.id) ?? [];
  const change = heats.includes(id) && to ? Object.fromEntries(heats.map((h) => [h, h === id])) : { [id]: to };
  if (leading.value) patchView({ layers: change });
  else ownLayers.value = { ...ownLayers.value, ...change };
}

/** The first heat layer that is on. */
export const heat = computed<HeatConfig | null>(() => scene.value?.heat?.find((h) => isShown(h.id)) ?? null);
