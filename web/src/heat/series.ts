/** What the sensors behind a place have said before, from the hub's history. */

import { effect, signal } from "@preact/signals";
import { instant, past } from "../session";
import type { HeatConfig } from "../protocol";
import { settings } from "../settings";
import { probed } from "./probe";

export type Series =
  | { is: "waiting" }
  /** Milliseconds since 1970 and value, oldest first. */
  | { is: "there"; points: [at: number, value: number][] }
  | { is: "missing"; why: string };

/** By datastream. */
export const series = signal<ReadonlyMap<string, Series>>(new Map());

/** How far back a chart looks, hours: four readings of a station that speaks once an hour, and no less than the hours that a value is a mean of. */
export const chartedHours = (heat: HeatConfig): number => Math.max(heat.mean_h ?? 0, 4);
/** Buckets of a chart as wide as a thumb. */
const BUCKETS = 60;
/** A chart of hours is asked anew this often. */
const EVERY_MS = 60_000;

export function followSeries(): void {
  let asked = "";
  let stop = new AbortController();
  effect(() => {
    const ids = (probed.value?.sensors ?? []).map((s) => s.datastream);
    const hours = probed.value ? chartedHours(probed.value.of.heat) : 0;
    const minute = Math.floor(instant.value / EVERY_MS);
    const key = ids.length === 0 ? "" : JSON.stringify([[...ids].sort(), minute, hours]);
    if (key === asked) return;
    asked = key;
    stop.abort();
    stop = new AbortController();
    // What is known of a sensor stays until its newer series is there.
    const before = series.peek();
    series.value = new Map(ids.map((id) => [id, before.get(id) ?? { is: "waiting" }]));
    for (const id of ids) void fill(id, hours, stop.signal);
  });
}

async function fill(datastream: string, hours: number, stopped: AbortSignal): Promise<void> {
  const got = await load(datastream, hours, stopped).catch(
    (error: unknown): Series => ({ is: "missing", why: error instanceof Error ? error.message : String(error) }),
  );
  if (!stopped.aborted) series.value = new Map(series.peek()).set(datastream, got);
}

async function load(datastream: string, hours: number, signal: AbortSignal): Promise<Series> {
  const to = instant.peek();
  const url = new URL("api/series", document.baseURI);
  const iso = (ms: number): string => new Date(ms).toISOString();
  const query = { datastream, from: iso(to - hours * 3_600_000), to: iso(to), step_s: String((hours * 3_600) / BUCKETS) };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (past.value?.known === "as_we_knew_it") url.searchParams.set("known_by", past.value.time);
  const { token } = settings.value;
  const response = await fetch(url, { signal, headers: token ? { authorization: `Bearer ${token}` } : {} });
  const answer = (await response.json()) as { error?: string; points?: { start: string; mean: number | null }[] };
  if (!response.ok || !answer.points) return { is: "missing", why: answer.error ?? String(response.status) };
  return { is: "there", points: answer.points.flatMap(({ start, mean }) => (mean === null ? [] : [[Date.parse(start), mean]])) };
}
