/** The heat layer that is shown: computed in a worker when its readings change, with what legend and card say of it. */

import { computed, effect, signal, untracked } from "@preact/signals";
import type { HeatConfig } from "../protocol";
import { borders } from "../map/areas";
import { city, instant, past, scene } from "../session";
import { heat } from "../view/chosen";
import { type Frame, localFrame } from "./frame";
import { type Gathered, gather } from "./gather";
import type { Layer } from "./layer";
import { means, meansTrouble } from "./means";
import { nobody, type RollCall } from "./roll-call";
import { meansOf } from "./told-means";
import type { Asked, Done } from "./worker";

export interface Shown {
  heat: HeatConfig;
  layer: Layer;
  /** Datastreams of the layer's samples, in their order. */
  streams: string[];
}

/** What is on the map now; `null` without a heat layer or until its first field is there. */
export const shown = signal<Shown | null>(null);
/** Who was called for the layer that is on. */
export const roll = signal<RollCall>(nobody());
/** Why there is no field though one is asked for, in words. */
export const trouble = signal<string | null>(null);

/** The city's local frame; `null` until the scene is there. Without a package it stands where the scene's first camera looks. */
export const frame = computed<Frame | null>(() => {
  const { anchor, camera } = scene.value ?? {};
  const pose = camera?.[0]?.pose;
  if (anchor) return localFrame(anchor);
  return pose ? localFrame({ lon_deg: pose.lon, lat_deg: pose.lat, height_m: 0 }) : null;
});
/** A layer is on and its first field is still to come. */
export const isAwaited = (): boolean => heat.peek() !== null && frame.peek() !== null && shown.peek() === null && trouble.peek() === null;
/** Another layer, another instant of the past, the first readings: what is looked at at once. */
const occasion = computed(() => [heat.value?.id, past.value?.time, means.value?.until, meansTrouble.value, frame.value !== null, city.value.observations.size > 0, borders.value.length].join(" "));

/** `hexagon_resolution` of `src/model/heat.rs`. */
const RESOLUTION = 8;
/** Live readings are looked through this often: a field changes slowly, and each one costs the battery a tenth of a second of a core. */
const LIVE_EVERY_MS = 5_000;

/** What makes hexagons, once a layer needed it. */
const hexagons = signal<typeof import("./hexagons") | null>(null);

/** Fetches it; `look` goes on when it is there. */
function fetchHexagons(): void {
  import("./hexagons").then(
    (module) => (hexagons.value = module),
    (why: unknown) => (trouble.value = why instanceof Error ? why.message : String(why)),
  );
}

let turn = 0;
let asked: { turn: number; heat: HeatConfig; gathered: Gathered; key: string } | null = null;
let busy = false;

/** Starts looking; needs a browser's worker. */
export function watchHeat(): void {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const look = (): void => {
    const layer = heat.value;
    const at = frame.value;
    if (!layer || !at) {
      [asked, shown.value, roll.value] = [null, null, nobody()];
      return;
    }
    if (shown.value && shown.value.heat.id !== layer.id) shown.value = null;
    if (busy) return;
    // The first means are a moment away; until then nothing is known of any sensor.
    if (layer.mean_h && !meansOf(layer, means.value) && !meansTrouble.value) return;
    const gathered = gather(layer, { ...city.value, borders: borders.value, means: means.value }, at, instant.value);
    roll.value = gathered.roll;
    if (layer.method === "hexagons") {
      if (!hexagons.value) return fetchHexagons();
      gathered.input.areas = hexagons.value.hexagonsOf(layer.resolution ?? RESOLUTION, gathered.input, at);
    }
    const key = JSON.stringify([layer.id, gathered.input.samples, gathered.input.leftOut, gathered.input.areas?.length]);
    if (key === asked?.key) return;
    turn += 1;
    asked = { turn, heat: layer, gathered, key };
    busy = true;
    worker.postMessage({ turn, heat: layer, input: gathered.input } satisfies Asked);
  };
  worker.onmessage = ({ data }: MessageEvent<Done>) => {
    busy = false;
    trouble.value = null;
    // Of a layer that was switched off or changed meanwhile.
    if (asked?.turn === data.turn && asked.heat.id === heat.peek()?.id) {
      shown.value = { heat: asked.heat, layer: data.layer, streams: asked.gathered.streams };
    }
    untracked(look);
  };
  worker.onerror = (event) => {
    busy = false;
    trouble.value = event.message || "the field's worker did not start";
    console.error("heat:", trouble.value);
  };
  effect(() => {
    void [occasion.value, hexagons.value];
    untracked(look);
  });
  setInterval(() => {
    if (!document.hidden) untracked(look);
  }, LIVE_EVERY_MS);
}
