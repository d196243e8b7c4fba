/** The heat layer's legend: unit, scale, sensors, time. Always beside the layer. */

import { hhmm } from "../clock";
import { one, type Words } from "../i18n";
import { RAMP, rampColour } from "../map/look";
import { heatLegend } from "../map/map";
import { heat } from "./chosen";

const STOPS = RAMP.map((_, i) => rampColour(i / (RAMP.length - 1))).join(",");

function counted(good: number, newest: string | null): Words {
  if (good === 0) return ["暂无读数", "no readings"];
  return [`${good} 站 · ${hhmm(newest)}`, `n ${good} · ${hhmm(newest)}`];
}

export function Legend() {
  const h = heat.value;
  if (!h) return null;
  const { good, newest } = heatLegend.value;
  return (
    <aside class="legend" data-testid="legend">
      <b>{one([h.name, h.name_en])}</b>
      <span class="scale">
        {h.bounds[0]}
        <i style={{ background: `linear-gradient(90deg, ${STOPS})` }} />
        {h.bounds[h.bounds.length - 1]}
      </span>
      <span class="unit">{h.unit}</span>
      <span class="count">
        {one(counted(good, newest))}
      </span>
    </aside>
  );
}
