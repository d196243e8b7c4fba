/** Which readings, or which incidents, make a layer, after `src/screen/heat/gather.rs`. Pure. */

import type { Datastream, HeatConfig, Incident, Observation } from "../protocol";
import type { Frame, Place } from "./frame";
import type { Input } from "./layer";
import type { Patch } from "./patches";
import { count, nobody, type RollCall, takes, whyNot, whyNotMean } from "./roll-call";
import { meansOf, type ToldMeans } from "./told-means";

export interface Gathered {
  input: Input;
  roll: RollCall;
  /** Datastreams of the samples, in their order; empty for incidents. */
  streams: string[];
}

/** An area of the city with its rings of longitude and latitude. */
export interface Border {
  level: string;
  rings: readonly (readonly (readonly number[])[])[];
}

export interface World {
  datastreams: ReadonlyMap<string, Datastream>;
  observations: ReadonlyMap<string, Observation>;
  incidents: ReadonlyMap<string, Incident>;
  borders: readonly Border[];
  /** What the hub told, for layers that show means. */
  means?: ToldMeans | null;
}

/** Borders of the layer's level in metres; GeoJSON repeats a ring's first point at its end. */
function patches(heat: HeatConfig, borders: readonly Border[], frame: Frame): Patch[] {
  const open = (ring: Border["rings"][number]) => (ring.length > 1 && String(ring[0]) === String(ring.at(-1)) ? ring.slice(0, -1) : ring);
  const metres = (ring: Border["rings"][number]) => open(ring).map(([lon = 0, lat = 0]) => frame.toMetres(lon, lat));
  return borders.filter((b) => b.level === heat.level).map((b) => b.rings.map(metres));
}

/** Goes through sensors or incidents as of `nowMs`. */
export function gather(heat: HeatConfig, world: World, frame: Frame, nowMs: number): Gathered {
  const input: Input = { samples: [], leftOut: [], areas: heat.method === "areas" ? patches(heat, world.borders, frame) : [] };
  const [roll, streams]: [RollCall, string[]] = [nobody(), []];
  if (heat.incidents) {
    for (const i of world.incidents.values()) {
      if (!takes(heat.incidents, i)) continue;
      count(roll, null, i.reported_at);
      input.samples.push({ at: frame.toMetres(i.lon, i.lat), value: 1 });
    }
    return { input, roll, streams };
  }
  const sensors = [...world.datastreams.values()].filter((d) => d.observed_property === heat.observed_property);
  const heights: number[] = [];
  const leftOutHeights: number[] = [];
  const means = heat.mean_h ? meansOf(heat, world.means ?? null) : null;
  for (const d of sensors) {
    const reading = heat.mean_h ? undefined : world.observations.get(d.id);
    const mean = means?.byDatastream.get(d.id);
    const why = heat.mean_h ? whyNotMean(mean) : whyNot(reading, nowMs, heat);
    count(roll, why, (heat.mean_h ? means?.until : reading?.phenomenon_time) ?? "");
    const at = frame.toMetres(d.lon, d.lat);
    const value = heat.mean_h ? mean?.value : reading?.value;
    if (why || value === undefined || value === null) {
      input.leftOut.push(at);
      leftOutHeights.push(d.height_m);
    } else {
      streams.push(d.id);
      heights.push(d.height_m);
      input.samples.push({ at, value });
    }
  }
  return { input: lifted(input, heat.vertical ?? 0, heights, leftOutHeights), roll, streams };
}

/** Where heights count, how high each stands over the lowest, as `heat::Levels` has it. */
export function lifted(input: Input, vertical: number, heights: readonly number[], leftOutHeights: readonly number[]): Input {
  if (!(vertical > 0) || heights.length === 0) return input;
  const lowest = Math.min(...heights);
  const up = ([x, y]: Place, height = lowest): Place => [x, y, (height - lowest) * vertical];
  return {
    ...input,
    samples: input.samples.map((s, i) => ({ ...s, at: up(s.at, heights[i]) })),
    leftOut: input.leftOut.map((at, i) => up(at, leftOutHeights[i])),
  };
}
