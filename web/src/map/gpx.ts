/** GPX 1.0 and 1.1 tracks and routes to GeoJSON lines, without a DOM so that it can be tested anywhere. */

import type { Feature, FeatureCollection, MultiLineString } from "geojson";

/** More points than this are thinned; a marathon recorded every second has about 15,000. */
const POINTS_MAX = 50_000;

/** Each `trkseg` (or `rte`) becomes one line; points without a readable place are counted in `skipped`. */
export function gpxToGeoJson(xml: string): FeatureCollection<MultiLineString, { name: string; skipped: number }> {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  const lines: [number, number][][] = [];
  let skipped = 0;
  for (const [, , body] of text.matchAll(/<(?:\w+:)?(trkseg|rte)\b[^>]*>([\s\S]*?)<\/(?:\w+:)?\1>/g)) {
    const line: [number, number][] = [];
    for (const [, attributes] of (body ?? "").matchAll(/<(?:\w+:)?(?:trkpt|rtept)\b([^>]*)>/g)) {
      const lat = attribute(attributes ?? "", "lat");
      const lon = attribute(attributes ?? "", "lon");
      if (lat === null || lon === null || Math.abs(lat) > 90 || Math.abs(lon) > 180) skipped += 1;
      else line.push([lon, lat]);
    }
    if (line.length > 1) lines.push(thin(line));
  }
  const name = decode(/<(?:\w+:)?name>([\s\S]*?)<\/(?:\w+:)?name>/.exec(text)?.[1] ?? "");
  const course: Feature<MultiLineString, { name: string; skipped: number }> = {
    type: "Feature",
    properties: { name, skipped },
    geometry: { type: "MultiLineString", coordinates: lines },
  };
  return { type: "FeatureCollection", features: lines.length > 0 ? [course] : [] };
}

function attribute(attributes: string, name: string): number | null {
  const found = new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1];
  const value = found === undefined || found.trim() === "" ? Number.NaN : Number(found);
  return Number.isFinite(value) ? value : null;
}

function thin(line: [number, number][]): [number, number][] {
  if (line.length <= POINTS_MAX) return line;
  const step = Math.ceil(line.length / POINTS_MAX);
  return line.filter((_, i) => i % step === 0 || i === line.length - 1);
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

const decode = (text: string): string =>
  text.replace(/^\s*<!\[CDATA\[([\s\S]*)\]\]>\s*$/, "$1").replace(/&(\w+);/g, (all, name) => ENTITIES[name] ?? all).trim();
