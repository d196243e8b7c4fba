/** The heat layer's legend: unit, range, sensors, time. Always beside the layer. */

import { hhmm } from "../clock";
import { one } from "../i18n";
import { RAMP } from "../map/look";
import { heatLegend } from "../map/map";
import { heat } from "./chosen";

export function Legend() {
  const h = heat.value;
  if (!h) return null;
  const { good, newest } = heatLegend.value;
  return (
    <aside class="legend" data-testid="legend">
      <b>{one([h.name, h.name_en])}</b>
      <span class="scale">
        {h.range[0]}
        <i style={{ background: `linear-gradient(90deg, ${RAMP.join(",")})` }} />
        {h.range[1]}
      </span>
      <span class="unit">{h.unit}</span>
      <span class="count">
        {good} {one(["站", "sensors"])} · {hhmm(newest)}
      </span>
    </aside>
  );
}
