/** GPX 1.0 and 1.1 tracks and routes to GeoJSON lines, without a DOM so that it can be tested anywhere. */

import type { Feature, FeatureCollection, MultiLineString, Point, Position } from "geojson";

/** More points than this are thinned; a marathon recorded every second has about 15,000. */
const POINTS_MAX = 50_000;

/** Waypoints beyond this many are left out; a marathon has a few dozen. */
const WAYPOINTS_MAX = 500;

type Course = FeatureCollection<MultiLineString | Point>;

/**
 * Each `trkseg` (or `rte`) becomes a line of one feature with `name` and `skipped` (points without a readable place);
 * each `wpt` a point with `name` and `type`.
 */
export function gpxToGeoJson(xml: string): Course {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  const lines: Position[][] = [];
  let skipped = 0;
  for (const [, , body] of text.matchAll(/<(?:\w+:)?(trkseg|rte)\b[^>]*>([\s\S]*?)<\/(?:\w+:)?\1>/g)) {
    const line: Position[] = [];
    for (const [, attributes] of (body ?? "").matchAll(/<(?:\w+:)?(?:trkpt|rtept)\b([^>]*)>/g)) {
      const place = position(attributes ?? "");
      if (place) line.push(place);
      else skipped += 1;
    }
    if (line.length > 1) lines.push(thin(line));
  }
  const waypoints = [...text.matchAll(/<(?:\w+:)?wpt\b([^>]*)>([\s\S]*?)<\/(?:\w+:)?wpt>/g)].slice(0, WAYPOINTS_MAX);
  const points = waypoints.flatMap(([, attributes, body]): Feature<Point>[] => {
    const coordinates = position(attributes ?? "");
    const properties = { name: element(body ?? "", "name"), type: element(body ?? "", "type") };
    return coordinates ? [{ type: "Feature", properties, geometry: { type: "Point", coordinates } }] : [];
  });
  const course: Feature<MultiLineString> = {
    type: "Feature",
    properties: { name: element(text, "name"), skipped },
    geometry: { type: "MultiLineString", coordinates: lines },
  };
  return { type: "FeatureCollection", features: lines.length > 0 ? [course, ...points] : points };
}

function position(attributes: string): Position | null {
  const lat = attribute(attributes, "lat");
  const lon = attribute(attributes, "lon");
  return lat === null || lon === null || Math.abs(lat) > 90 || Math.abs(lon) > 180 ? null : [lon, lat];
}

const element = (text: string, name: string): string =>
  decode(new RegExp(`<(?:\\w+:)?${name}>([\\s\\S]*?)</(?:\\w+:)?${name}>`).exec(text)?.[1] ?? "");

function attribute(attributes: string, name: string): number | null {
  const found = new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1];
  const value = found === undefined || found.trim() === "" ? Number.NaN : Number(found);
  return Number.isFinite(value) ? value : null;
}

function thin(line: Position[]): Position[] {
  if (line.length <= POINTS_MAX) return line;
  const step = Math.ceil(line.length / POINTS_MAX);
  return line.filter((_, i) => i % step === 0 || i === line.length - 1);
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

const decode = (text: string): string =>
  text.replace(/^\s*<!\[CDATA\[([\s\S]*)\]\]>\s*$/, "$1").replace(/&(\w+);/g, (all, name) => ENTITIES[name] ?? all).trim();
