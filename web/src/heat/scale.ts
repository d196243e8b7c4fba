/** Scales and colours: where values stand on a ramp. The ramp's colours and a standard's classes come from the hub with the scene. */

import type { HeatConfig } from "../protocol";
import type { Words } from "../i18n";

/** The class a value lies in; a value at a bound lies in the lower one ("up to 35 is excellent"). `bounds` are the classes' ends, rising. */
export const classOf = (value: number, bounds: readonly number[]): number => {
  let found = 0;
  for (let i = 1; i < bounds.length - 1; i += 1) if (value > (bounds[i] as number)) found += 1;
  return found;
};

/**
 * Where a value stands on the ramp, 0 to 1, clamped at the ends as the legend is: straight within a class, and every class takes the
 * same part.
 */
export function along(value: number, bounds: readonly number[]): number {
  const classes = Math.max(1, bounds.length - 1);
  const i = classOf(value, bounds);
  const [low, high] = [bounds[i] ?? 0, bounds[i + 1] ?? 1];
  return Math.min(1, Math.max(0, (i + (value - low) / (high - low || 1)) / classes));
}

type Bytes = readonly [number, number, number];

const bytes = (colour: string | undefined): Bytes => {
  const n = Number.parseInt((colour ?? "#808080").slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
};

/** The colour at `u` (0 to 1) of a ramp given by its colours from low to high, as bytes. */
export function rampBytes(colours: readonly string[], u: number): Bytes {
  const x = Math.min(1, Math.max(0, u)) * Math.max(0, colours.length - 1);
  const i = Math.min(Math.trunc(x), Math.max(0, colours.length - 2));
  const [a, b] = [bytes(colours[i]), bytes(colours[i + 1] ?? colours[i])];
  const mix = (c: 0 | 1 | 2): number => Math.round(a[c] * (1 - x + i) + b[c] * (x - i));
  return [mix(0), mix(1), mix(2)];
}

/** As CSS. */
export const rampColour = (colours: readonly string[], u: number): string => `rgb(${rampBytes(colours, u).join(" ")})`;

/** Name of the class a value lies in, where a standard gives names. */
export const className = (heat: HeatConfig, value: number): Words | null => heat.classes?.[classOf(value, heat.bounds)] ?? null;

/** Without decimals where the scale is wide enough to do without. */
export const figure = (value: number, bounds: readonly number[]): string => value.toFixed(bounds.every(Number.isInteger) ? 0 : 1);
