/** Names of the areas that incidents lie in, by code, from `areas.geojson`. */

import { signal } from "@preact/signals";
import type { FeatureCollection } from "geojson";
import type { Border } from "../heat/gather";
import type { Words } from "../i18n";

export interface Area {
  name: string;
  name_en: string;
  level: string;
  parent: string | null;
}

export const areas = signal<ReadonlyMap<string, Area>>(new Map());
/** Their borders, for heat by area. */
export const borders = signal<readonly Border[]>([]);

/** City, county, town, village, grid cell: no chain is longer. */
const LEVELS_MAX = 5;

export function learnAreas(data: FeatureCollection): void {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const entries = data.features.flatMap(({ properties: p }): [string, Area][] => {
    if (!p || typeof p["id"] !== "string") return [];
    const parent = text(p["parent"]) || null;
    return [[p["id"], { name: text(p["name"]), name_en: text(p["name_en"]), level: text(p["level"]), parent }]];
  });
  areas.value = new Map(entries);
  borders.value = data.features.flatMap(({ properties: p, geometry: g }): Border[] => {
    const rings = g?.type === "Polygon" ? g.coordinates : g?.type === "MultiPolygon" ? g.coordinates.flat() : [];
    return rings.length > 0 ? [{ level: text(p?.["level"]), rings }] : [];
  });
}

/** Short name for a row: the community of a grid cell, else the area itself; a code nobody knows stays a code. */
export function areaShort(code: string, known = areas.value): Words {
  const area = known.get(code);
  if (!area) return [code, ""];
  const shown = area.level === "grid_cell" ? (known.get(area.parent ?? "") ?? area) : area;
  return [shown.name, shown.name_en];
}

/** Full name for the card: town and what lies below it. */
export function areaFull(code: string, known = areas.value): Words {
  const area = known.get(code);
  if (!area) return [code, ""];
  let above: Area | undefined = area;
  for (let i = 0; i < LEVELS_MAX && above && above.level !== "town"; i += 1) above = known.get(above.parent ?? "");
  if (!above || above === area) return [area.name, area.name_en];
  return [`${above.name} · ${area.name}`, `${area.name_en}, ${above.name_en}`];
}
