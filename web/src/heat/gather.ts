/** Which readings, or which incidents, make a layer, after `src/screen/heat/gather.rs`. Pure. */

import type { Datastream, HeatConfig, Incident, Observation } from "../protocol";
import type { Frame } from "./frame";
import type { Input } from "./layer";
import { count, nobody, type RollCall, takes, whyNot } from "./roll-call";

export interface Gathered {
  input: Input;
  roll: RollCall;
  /** Datastreams of the samples, in their order; empty for incidents. */
  streams: string[];
}

export interface World {
  datastreams: ReadonlyMap<string, Datastream>;
  observations: ReadonlyMap<string, Observation>;
  incidents: ReadonlyMap<string, Incident>;
}

/** Goes through sensors or incidents as of `nowMs`. */
export function gather(heat: HeatConfig, world: World, frame: Frame, nowMs: number): Gathered {
  const input: Input = { samples: [], leftOut: [] };
  const [roll, streams]: [RollCall, string[]] = [nobody(), []];
  if (heat.incidents) {
    for (const i of world.incidents.values()) {
      if (!takes(heat.incidents, i)) continue;
      count(roll, null, i.reported_at);
      input.samples.push({ at: frame.toMetres(i.lon, i.lat), value: 1 });
    }
    return { input, roll, streams };
  }
  for (const d of world.datastreams.values()) {
    if (d.observed_property !== heat.observed_property) continue;
    const reading = world.observations.get(d.id);
    const why = whyNot(reading, nowMs, heat);
    count(roll, why, reading?.phenomenon_time ?? "");
    const at = frame.toMetres(d.lon, d.lat);
    if (why || !reading) input.leftOut.push(at);
    else {
      streams.push(d.id);
      input.samples.push({ at, value: reading.value });
    }
  }
  return { input, roll, streams };
}
