/** A sensor's last hours as a line, with the ends of its two axes beside and under it. */

import { hhmm } from "../clock";
import { one } from "../i18n";
import type { Series } from "./series";
import { reading } from "./words";

/** Of the drawing; it is stretched to its place. */
const [WIDTH, HEIGHT, EDGE] = [120, 34, 3];

export function Chart({ of }: { of: Series | undefined }) {
  if (!of || of.is === "waiting") return <span class="chart quiet-line">…</span>;
  if (of.is === "missing") return <span class="chart quiet-line">{one(["无历史", "no history"])}</span>;
  const [first, last] = [of.points[0], of.points.at(-1)];
  if (!first || !last || first === last) return <span class="chart quiet-line">{one(["历史不足", "too little history"])}</span>;
  const values = of.points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (at: number): number => EDGE + ((at - first[0]) / (last[0] - first[0])) * (WIDTH - 2 * EDGE);
  const y = (value: number): number => HEIGHT - EDGE - (high > low ? (value - low) / (high - low) : 0.5) * (HEIGHT - 2 * EDGE);
  return (
    <span class="chart" data-testid="heat-chart" data-points={of.points.length}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={of.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ")} />
      </svg>
      <small class="values">
        <span>{reading(high)}</span>
        {high > low && <span>{reading(low)}</span>}
      </small>
      <small>
        {hhmm(first[0])}–{hhmm(last[0])}
      </small>
    </span>
  );
}
