/** Means of sensors that the hub makes, for layers that show means and not latest readings, after `src/screen/heat/means.rs`. */

import { effect, signal } from "@preact/signals";
import type { Means } from "../protocol";
import { instant, past } from "../session";
import { settings } from "../settings";
import { heat } from "../view/chosen";
import { question, type ToldMeans } from "./told-means";

/** What was told last; `null` before the first answer. */
export const means = signal<ToldMeans | null>(null);
/** Why there are no means, or not all, in words. */
export const meansTrouble = signal<string | null>(null);

/** Late readings change means: live ones are asked for anew this often. */
const ANEW_MS = 60_000;

export function followMeans(): void {
  let asked = "";
  let stop = new AbortController();
  effect(() => {
    const path = question(heat.value, instant.value, past.value?.known ?? "as_it_happened");
    // A past does not change by the minute.
    const key = path === null ? "" : `${path} ${past.value ? "" : Math.floor(instant.value / ANEW_MS)}`;
    if (key === asked) return;
    asked = key;
    stop.abort();
    stop = new AbortController();
    meansTrouble.value = null;
    if (path !== null) void load(path, stop.signal);
  });
}

async function load(path: string, stopped: AbortSignal): Promise<void> {
  try {
    const { token } = settings.value;
    const response = await fetch(new URL(path, document.baseURI), { signal: stopped, headers: token ? { authorization: `Bearer ${token}` } : {} });
    const answer = (await response.json()) as Partial<Means> & { error?: string };
    if (stopped.aborted) return;
    if (!response.ok || !answer.means || !answer.property || !answer.hours || !answer.until) throw new Error(answer.error ?? String(response.status));
    const byDatastream = new Map(answer.means.map((m) => [m.datastream, m]));
    means.value = { property: answer.property, hours: answer.hours, until: answer.until, byDatastream };
    meansTrouble.value = answer.missing?.[0] ?? null;
  } catch (error) {
    if (!stopped.aborted) meansTrouble.value = `无平均值 no means: ${error instanceof Error ? error.message : String(error)}`;
  }
}
