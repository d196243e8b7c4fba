/** The heat layer's legend, always beside it: unit, scale, time, sensors, method, error. A tap opens the classes and who was left out. */

import { signal } from "@preact/signals";
import { hhmm } from "../clock";
import { one, T } from "../i18n";
import type { HeatConfig } from "../protocol";
import { heat } from "../view/chosen";
import { meansTrouble } from "./means";
import { figure, rampColour } from "./scale";
import { roll, type Shown, shown, trouble } from "./shown";
import { leftOut, leftOutWords, METHOD, METHOD_SHORT, sourceWords, written } from "./words";

const open = signal(false);

export function Legend() {
  const h = heat.value;
  if (!h) return null;
  const [s, r] = [shown.value, roll.value];
  const error = s?.layer.error ?? null;
  return (
    <aside class={`legend ${open.value ? "open" : ""}`} data-testid="legend" data-sensors={r.present} data-method={s?.layer.method ?? ""}>
      <button type="button" aria-expanded={open.value} data-testid="legend-more" onClick={() => (open.value = !open.value)}>
        <span class="line-1">
          <b>{one([h.name, h.name_en])}</b>
          <span class="unit">{h.mean_h ? `${h.unit} · ${h.mean_h} h` : h.unit}</span>
          <span class="method">{s ? one(METHOD_SHORT[s.layer.method]) : "…"}</span>
          <time>{hhmm(r.newest)}</time>
        </span>
        <span class="line-2">
          <Scale heat={h} />
          <span class="count">
            {r.present === 0 ? one(["暂无读数", "no readings"]) : one(sourceWords(h, r))}
            {error !== null && ` ±${written(error)}`}
          </span>
        </span>
      </button>
      {open.value && <More heat={h} shown={s} />}
      {h.caution && <p class="why" data-testid="legend-caution">{one(h.caution)}</p>}
      {h.mean_h && meansTrouble.value && <p class="why">{meansTrouble.value}</p>}
      {s?.layer.note && <p class="why">{one(s.layer.note)}</p>}
      {trouble.value && <p class="why">{trouble.value}</p>}
    </aside>
  );
}

/** The ramp between its two ends; every class takes the same part of it. */
function Scale({ heat: h }: { heat: HeatConfig }) {
  const stops = h.colours.join(",");
  return (
    <span class="scale">
      {written(h.bounds[0] ?? 0)}
      <i style={{ background: `linear-gradient(90deg, ${stops})` }} />
      {written(h.bounds.at(-1) ?? 1)}
    </span>
  );
}

/** Classes with their ends and names, then where the figures come from. */
function More({ heat: h, shown: s }: { heat: HeatConfig; shown: Shown | null }) {
  const r = roll.value;
  const classes = h.bounds.length - 1;
  return (
    <div class="more" data-testid="legend-classes">
      <ul>
        {h.bounds.slice(0, -1).map((low, i) => (
          <li key={low}>
            <i class="swatch" style={{ background: rampColour(h.colours, (i + 0.5) / classes) }} />
            <span>
              {figure(low, h.bounds)}–{figure(h.bounds[i + 1] ?? low, h.bounds)}
            </span>
            {h.classes?.[i] && <em>{one(h.classes[i])}</em>}
          </li>
        ))}
      </ul>
      {(h.scale || h.mean) && <p>{[h.scale, h.mean && one(h.mean)].filter(Boolean).join(" · ")}</p>}
      {s && (
        <p>
          <T w={METHOD[s.layer.method]} inline />
          {s.layer.rangeM !== null && ` · ${one(s.layer.method === "kriging" ? ["变程", "range"] : ["带宽", "bandwidth"])} ${s.layer.rangeM.toFixed(0)} m`}
        </p>
      )}
      {s && s.layer.error !== null && (
        <p>
          {one(["留一误差", "leave-one-out error"])} ±{written(s.layer.error)} {h.unit}
        </p>
      )}
      {leftOut(r) > 0 && (
        <p class="why" data-testid="legend-left-out">
          {one(["未计入 ", "left out: "])}
          {one(leftOutWords(r))}
        </p>
      )}
      {!h.incidents && (
        <p>
          <T w={["斜线处无可用传感器", "hatched: no sensor that counts"]} />
        </p>
      )}
    </div>
  );
}
