/** Computes layers beside the thread that answers the finger. */

import type { HeatConfig } from "../protocol";
import { compute, type Input, type Layer } from "./layer";

export interface Asked {
  turn: number;
  heat: HeatConfig;
  input: Input;
}

export interface Done {
  turn: number;
  layer: Layer;
}

onmessage = ({ data }: MessageEvent<Asked>) => {
  const layer = compute(data.heat, data.input);
  postMessage({ turn: data.turn, layer } satisfies Done, { transfer: [layer.texels.buffer] });
};
