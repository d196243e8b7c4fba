/** Follows the shared clock into the past: asks the hub what was, again and again while it plays. */

import { computed, effect, signal } from "@preact/signals";
import { hubNow, now } from "../clock";
import type { Clock, PastWorld } from "../protocol";
import { past, view } from "../session";
import { settings } from "../settings";
import { pastMs } from "./past";

/** A phone on a mobile network: a picture of the past a second is enough. */
const ASK_EVERY_MS = 1_000;
const RETRY_AFTER_MS = 5_000;

/** The instant on the band, ticking once a second. */
export const shownMs = computed(() => (view.value ? pastMs(view.value.clock, now.value) : null));
/** Why the past that should be shown is not, in words. */
export const trouble = signal<string | null>(null);

export function followThePast(): void {
  let timer: number | undefined;
  let asked = 0;
  effect(() => {
    const clock = view.value?.clock;
    clearTimeout(timer);
    asked += 1;
    if (!clock || clock.mode === "live") {
      past.value = null;
      trouble.value = null;
      return;
    }
    void ask(clock, asked);
  });

  async function ask(clock: Clock, turn: number): Promise<void> {
    const time = pastMs(clock, hubNow());
    if (time === null || clock.mode === "live") return;
    const failed = await fetchPast(time, clock.known).then(
      (answer) => {
        // The clock may have moved on meanwhile.
        if (turn !== asked) return false;
        past.value = answer;
        trouble.value = answer.missing[0] ?? null;
        return false;
      },
      (error: unknown) => {
        if (turn === asked) trouble.value = error instanceof Error ? error.message : String(error);
        return true;
      },
    );
    if (turn !== asked) return;
    if (failed) timer = setTimeout(() => void ask(clock, turn), RETRY_AFTER_MS);
    else if (clock.mode === "playing") timer = setTimeout(() => void ask(clock, turn), ASK_EVERY_MS);
  }
}

async function fetchPast(time: number, known: string): Promise<PastWorld> {
  const url = new URL("api/at", document.baseURI);
  url.searchParams.set("time", new Date(time).toISOString());
  url.searchParams.set("known", known);
  const { token } = settings.value;
  const response = await fetch(url, token ? { headers: { authorization: `Bearer ${token}` } } : {});
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
  return (await response.json()) as PastWorld;
}
