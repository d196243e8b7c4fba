/** The hub's clock as this phone sees it: offset from ping and pong, taken from the exchange with the shortest way. */

import { signal } from "@preact/signals";

/** Exchanges kept; the one with the least round trip bounds the error by half of it. */
const EXCHANGES_MAX = 8;

export interface Exchange {
  offsetMs: number;
  roundTripMs: number;
}

export function exchange(sentMs: number, receivedMs: number, hubTime: string): Exchange {
  return { offsetMs: Date.parse(hubTime) - (sentMs + receivedMs) / 2, roundTripMs: receivedMs - sentMs };
}

export function best(exchanges: readonly Exchange[]): number {
  const shortest = exchanges.reduce<Exchange | null>((a, b) => (a && a.roundTripMs <= b.roundTripMs ? a : b), null);
  return shortest?.offsetMs ?? 0;
}

let exchanges: Exchange[] = [];
let offsetMs = 0;

/** Hub time now, milliseconds since 1970. */
export const hubNow = (): number => Date.now() + offsetMs;

export function learn(sentMs: number, hubTime: string): void {
  exchanges = [...exchanges, exchange(sentMs, Date.now(), hubTime)].slice(-EXCHANGES_MAX);
  offsetMs = best(exchanges);
}

/** A message that only says the hub's time: good enough until the first pong. */
export function hint(hubTime: string): void {
  if (exchanges.length === 0) offsetMs = Date.parse(hubTime) - Date.now();
}

/** Hub time, ticking once a second, for ages and countdowns. */
export const now = signal(hubNow());
setInterval(() => {
  now.value = hubNow();
}, 1000);

/** `HH:MM` on this phone's wall clock. */
export function hhmm(time: string | number | null): string {
  if (time === null) return "--:--";
  const d = new Date(time);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}`;
}
