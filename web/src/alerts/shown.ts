/** Public warnings: which are shown, what they are called, and their areas for the map. Pure, so that it is tested without one. */

import type { Feature, FeatureCollection, Point, Polygon, Position } from "geojson";
import { rank } from "../incidents/order";
import type { Alert } from "../protocol";

/** Corners of a circle. */
const CORNERS = 48;
const EARTH_RADIUS_M = 6_371_008.8;

/** What is real or an exercise, not over and not cancelled; what is real before exercises, worst first. */
export function shown(alerts: Iterable<Alert>, nowMs: number): Alert[] {
  const exercise = (a: Alert): number => (a.status === "exercise" ? 1 : 0);
  return [...alerts]
    .filter((a) => (a.status === "actual" || a.status === "exercise") && !a.cancelled && (a.expires === null || nowMs < Date.parse(a.expires)))
    .sort((a, b) => exercise(a) - exercise(b) || rank(a.severity) - rank(b.severity) || Date.parse(a.effective) - Date.parse(b.effective));
}

/** Its name in both languages; an exercise never without the word. */
export function title(a: Alert): readonly [string, string] {
  const [zh, en] = [a.headline || a.event, a.headline_en];
  return a.status === "exercise" ? [`演练 · ${zh}`, `EXERCISE${en ? ` · ${en}` : ""}`] : [zh, en];
}

interface Drawn {
  areas: FeatureCollection<Polygon>;
  labels: FeatureCollection<Point>;
}

/** Areas, worst drawn last, and a point inside each for its name. */
export function drawn(alerts: readonly Alert[], nowMs: number): Drawn {
  const areas: Feature<Polygon>[] = [];
  const labels: Feature<Point>[] = [];
  for (const a of [...alerts].reverse()) {
    const [zh, en] = title(a);
    const properties = {
      id: a.id,
      rank: rank(a.severity),
      severity: a.severity,
      exercise: a.status === "exercise",
      announced: Date.parse(a.effective) > nowMs,
      // Both words of an exercise, whatever language is chosen.
      name: a.status === "exercise" ? `${zh} EXERCISE` : zh || en,
    };
    for (const ring of a.areas.flatMap((area) => [...area.polygons, ...area.circles.filter((c) => c[2] > 0).map(circle)])) {
      areas.push({ type: "Feature", properties, geometry: { type: "Polygon", coordinates: [ring] } });
      const at = labelPlace(ring);
      if (at) labels.push({ type: "Feature", properties, geometry: { type: "Point", coordinates: at } });
    }
  }
  return { areas: { type: "FeatureCollection", features: areas }, labels: { type: "FeatureCollection", features: labels } };
}

function circle([lon, lat, radius_m]: readonly [number, number, number]): Position[] {
  const up = (radius_m / EARTH_RADIUS_M) * (180 / Math.PI);
  const aside = up / Math.max(0.05, Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: CORNERS + 1 }, (_, i) => {
    const angle = ((i % CORNERS) / CORNERS) * 2 * Math.PI;
    return [lon + aside * Math.sin(angle), lat + up * Math.cos(angle)];
  });
}

/** Halfway along the longest piece of the parallel through the middle of a ring: always inside. */
export function labelPlace(ring: readonly Position[]): Position | null {
  const lats = ring.map((p) => p[1] ?? 0);
  const [low, high] = [Math.min(...lats), Math.max(...lats)];
  const lat = low + (high - low) * 0.500001;
  const crossings = ring
    .slice(1)
    .flatMap((b, i) => {
      const [x1, y1, x2, y2] = [ring[i]?.[0] ?? 0, ring[i]?.[1] ?? 0, b[0] ?? 0, b[1] ?? 0];
      return y1 > lat === y2 > lat ? [] : [x1 + ((x2 - x1) * (lat - y1)) / (y2 - y1)];
    })
    .sort((a, b) => a - b);
  let best: Position | null = null;
  let longest = 0;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const [from, to] = [crossings[i] ?? 0, crossings[i + 1] ?? 0];
    if (to - from > longest) [longest, best] = [to - from, [(from + to) / 2, lat]];
  }
  return best;
}
