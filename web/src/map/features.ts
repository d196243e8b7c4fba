/** State to GeoJSON for the map's sources: pure, so that what is drawn can be tested without a map. */

import type { Feature, FeatureCollection, Point } from "geojson";
import { whyNot } from "../heat/roll-call";
import { along, rampColour } from "../heat/scale";
import { written } from "../heat/words";
import { open, rank, used } from "../incidents/order";
import type { Datastream, HeatConfig, Incident, Observation, Unit } from "../protocol";
import { incidentIcon, unitIcon } from "./icons";
import { LEFT_OUT_COLOUR, UNIT_COLOUR } from "./look";

/** A position older than this is drawn grey and dashed, milliseconds. */
export const STALE_AFTER_MS = 5 * 60_000;

type Points = FeatureCollection<Point>;

const collection = (features: Feature<Point>[]): Points => ({ type: "FeatureCollection", features });

const point = (lon: number, lat: number, properties: Record<string, unknown>): Feature<Point> => ({
  type: "Feature",
  geometry: { type: "Point", coordinates: [lon, lat] },
  properties,
});

const incident = (i: Incident, nowMs: number, selected: boolean): Feature<Point> =>
  point(i.lon, i.lat, {
    id: i.id,
    rank: rank(i.severity),
    icon: incidentIcon(i.severity, i.acknowledged !== null, used(i, nowMs), selected),
  });

/** Open incidents but the selected one, which has a source of its own so that no cluster swallows it. */
export const incidentPoints = (incidents: Iterable<Incident>, selected: string | null, nowMs: number): Points =>
  collection(open(incidents).flatMap((i) => (i.id === selected ? [] : [incident(i, nowMs, false)])));

export const selectedPoint = (i: Incident | undefined, nowMs: number): Points =>
  collection(i ? [incident(i, nowMs, true)] : []);

export function unitPoints(units: Iterable<Unit>, nowMs: number): Points {
  return collection(
    [...units].map((u) => {
      const state = nowMs >= (u.stale_at ? Date.parse(u.stale_at) : Date.parse(u.seen_at) + STALE_AFTER_MS) ? "stale" : u.state;
      const shown = { icon: unitIcon(state), colour: UNIT_COLOUR[state], name: u.call_sign, heading: u.heading_deg };
      return point(u.lon, u.lat, { id: u.id, ...shown });
    }),
  );
}

/** Sensors of the layer's property, each in its own reading's colour; one that does not count in the field is a ring without a figure. */
export function sensorPoints(
  heat: HeatConfig | null,
  datastreams: Iterable<Datastream>,
  observations: ReadonlyMap<string, Observation>,
  nowMs: number,
): Points {
  const features: Feature<Point>[] = [];
  for (const d of heat ? datastreams : []) {
    if (!heat || heat.incidents || d.observed_property !== heat.observed_property) continue;
    const reading = observations.get(d.id);
    const counts = whyNot(reading, nowMs, heat) === null;
    const colour = reading && counts ? rampColour(heat.colours, along(reading.value, heat.bounds)) : LEFT_OUT_COLOUR;
    features.push(point(d.lon, d.lat, { id: d.id, value: reading && counts ? written(reading.value) : "", counts, colour }));
  }
  return collection(features);
}
