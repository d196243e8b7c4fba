/** What the heat layer says of the place that was tapped: value, error, the sensors behind it with their last hours. */

import { one, T, type Words } from "../i18n";
import { Icon } from "../sheet/shape";
import { Chart } from "./chart";
import { forget, pointed, probed, type Probed } from "./probe";
import { along, className, rampColour } from "./scale";
import { chartedHours, series } from "./series";
import { far, reading, written } from "./words";

export function HeatCard() {
  const p = probed.value;
  if (!p) return null;
  const { heat } = p.of;
  const at = pointed.value;
  return (
    <article class="card" data-testid="heat-card" data-value={p.estimate?.value ?? ""} data-lon={at?.lon} data-lat={at?.lat}>
      <header>
        <button type="button" class="icon" aria-label="关闭 Close" data-testid="heat-close" onClick={forget}>
          <Icon name="close" />
        </button>
        <h2>
          <T w={[`${heat.name} · 此处`, `${heat.name_en || heat.name}, here`]} />
        </h2>
      </header>
      {p.estimate ? <Value p={p} value={p.estimate.value} /> : <Unknown />}
      <ul class="behind">
        {p.sensors.map((s) => (
          <li key={s.datastream} data-testid={`behind-${s.datastream}`}>
            <b class="name">{s.name}</b>
            <b class="reading">{reading(s.value)}</b>
            <span class="meta">
              {far(s.distanceM)} · {(s.weight * 100).toFixed(0)}%
            </span>
            <Chart of={series.value.get(s.datastream)} />
          </li>
        ))}
      </ul>
      {p.sensors.length > 0 && (
        <p class="note">
          <T w={[`距离 · 权重；曲线为近 ${chartedHours(heat)} 小时`, `distance, weight; curves: the last ${chartedHours(heat)} hours`]} />
        </p>
      )}
    </article>
  );
}

function Value({ p, value }: { p: Probed; value: number }) {
  const { heat, layer } = p.of;
  const name = className(heat, value);
  const own = p.estimate?.error ?? null;
  const error: Words | null =
    own !== null ? [`估计误差 ±${written(own)}`, `error ±${written(own)} (σ)`] : layer.error !== null ? [`留一误差 ±${written(layer.error)}`, `typical error ±${written(layer.error)}`] : null;
  return (
    <p class="facts value">
      <i class="swatch" style={{ background: rampColour(heat.colours, along(value, heat.bounds)) }} />
      <b class="big" data-testid="heat-value">
        {reading(value)}
      </b>
      <span>{heat.unit}</span>
      {name && <b>{one(name)}</b>}
      {error && <span data-testid="heat-error">{one(error)}</span>}
    </p>
  );
}

function Unknown() {
  return (
    <p class="facts value" data-testid="heat-unknown">
      <T w={["此处无可用传感器", "No sensor informs this place"]} />
    </p>
  );
}
