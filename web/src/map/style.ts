/** The MapLibre style: a dark, calm city in which only what is live is bright. Sources start empty and are filled as files arrive. */

import type { GeoJSONSourceSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { SEVERITIES } from "../incidents/order";
import { MAX_TILT_DEG } from "./pose";
import * as look from "./look";

const source: GeoJSONSourceSpecification = { type: "geojson", data: { type: "FeatureCollection", features: [] } };

/** Sources the base files go to, and the address of each, relative to the hub's root. */
export const BASE_FILES = {
  ground: "package/map/ground.geojson",
  footprints: "package/map/footprints.geojson",
  areas: "api/city/areas.geojson",
  places: "api/city/places.geojson",
  course: "api/city/marathon.gpx",
} as const;

const kind = (...kinds: string[]) => ["in", ["get", "kind"], ["literal", kinds]] as never;

const ground: LayerSpecification[] = [
  { id: "land", type: "background", paint: { "background-color": look.LAND } },
  { id: "green", type: "fill", source: "ground", filter: kind("green", "park"), paint: { "fill-color": look.PARK } },
  { id: "water", type: "fill", source: "ground", filter: kind("water"), paint: { "fill-color": look.WATER } },
  {
    id: "road",
    type: "fill",
    source: "ground",
    filter: kind("road"),
    // No outline: a road is many faces, and their seams would be drawn.
    paint: { "fill-color": look.ROAD },
  },
  { id: "bridge", type: "fill", source: "ground", filter: kind("bridge"), paint: { "fill-color": look.BRIDGE } },
];

/** Warm grey, a little lighter with height, so that towers read among low houses. */
const buildingColour = [
  "interpolate",
  ["linear"],
  ["to-number", ["coalesce", ["get", "height_m"], 6]],
  3,
  "#38393D",
  30,
  "#45464A",
  90,
  "#56565A",
] as never;

const buildings: LayerSpecification[] = [
  {
    id: "footprint",
    type: "fill",
    source: "footprints",
    minzoom: 12,
    paint: { "fill-color": look.FOOTPRINT, "fill-outline-color": "#323B48" },
  },
  {
    id: "solid",
    type: "fill-extrusion",
    source: "footprints",
    minzoom: 12,
    layout: { visibility: "none" },
    paint: {
      "fill-extrusion-color": buildingColour,
      "fill-extrusion-height": ["to-number", ["coalesce", ["get", "height_m"], 6]],
      "fill-extrusion-vertical-gradient": true,
    },
  },
];

/** Dashed light lines, finer for lower levels; grid cells are too many to draw on a phone. */
const border = (id: string, levels: string[], minzoom: number, opacity: number, width: number): LayerSpecification => ({
  id,
  type: "line",
  source: "areas",
  minzoom,
  filter: ["in", ["coalesce", ["get", "level"], ""], ["literal", levels]],
  paint: {
    "line-color": look.BORDER,
    "line-opacity": opacity,
    "line-width": ["interpolate", ["linear"], ["zoom"], 9, width * 0.6, 15, width * 1.2],
    "line-dasharray": [4, 3],
  },
});

const names: LayerSpecification[] = [
  border("border-village", ["village"], 14, 0.28, 0.7),
  border("border-town", ["town"], 11.5, 0.42, 1),
  border("border", ["county", "city", ""], 0, 0.6, 1.4),
  {
    id: "course-edge",
    type: "line",
    source: "course",
    filter: ["!=", ["geometry-type"], "Point"],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": look.HALO, "line-opacity": 0.7, "line-width": ["interpolate", ["linear"], ["zoom"], 10, 4, 16, 9] },
  },
  {
    id: "course",
    type: "line",
    source: "course",
    filter: ["!=", ["geometry-type"], "Point"],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": look.COURSE, "line-opacity": 0.8, "line-width": ["interpolate", ["linear"], ["zoom"], 10, 1.5, 16, 3.5] },
  },
];

/** Start and finish of the course from afar, kilometres, aid and medical posts near by. */
const coursePoints: LayerSpecification = {
  id: "course-point",
  type: "symbol",
  source: "course",
  minzoom: 11.5,
  filter: ["all", ["==", ["geometry-type"], "Point"], ["step", ["zoom"], ["in", ["get", "type"], ["literal", ["start", "finish"]]], 13, true]],
  layout: {
    "icon-image": ["match", ["get", "type"], ["start", "finish"], "course/end", "course/mark"],
    "icon-padding": 0,
    "text-field": ["step", ["zoom"], "", 13, ["get", "name"]],
    "text-font": look.FONT_MEDIUM,
    "text-size": 16,
    "text-anchor": "left",
    "text-offset": [0.7, 0],
    "text-max-width": 20,
    "text-padding": 4,
    "text-optional": true,
    "symbol-sort-key": ["match", ["get", "type"], ["start", "finish"], 0, "half", 1, "distance", 2, 3],
  },
  paint: { "text-color": look.TEXT, "text-halo-color": look.HALO, "text-halo-width": 1.8 },
};

const place: LayerSpecification = {
  id: "place",
  type: "symbol",
  source: "places",
  // Rank 1 is seen from farthest, villages and streets only near by.
  filter: ["<=", ["to-number", ["coalesce", ["get", "rank"], 5]], ["step", ["zoom"], 1, 9, 2, 11, 3, 12, 4, 13, 5, 14, 6]],
  layout: {
    "text-font": look.FONT_MEDIUM,
    "text-size": ["interpolate", ["linear"], ["zoom"], 10, 16, 16, 18],
    "text-max-width": 9,
    "text-padding": 6,
    "text-line-height": 1.15,
    "symbol-sort-key": ["to-number", ["coalesce", ["get", "rank"], 5]],
  },
  paint: {
    "text-color": [
      "match",
      ["coalesce", ["get", "kind"], ""],
      ["lake", "river", "canal"],
      look.WATER_NAME,
      "road",
      look.ROAD_NAME,
      look.TEXT_QUIET,
    ],
    "text-halo-color": look.HALO,
    "text-halo-width": 1.6,
  },
};

const severityColour = ["match", ["get", "severity"], ...SEVERITIES.slice(0, -1).flatMap((s) => [s, look.SEVERITY_COLOUR[s]]), look.SEVERITY_COLOUR.info] as never;
const announced = (yes: number, no: number) => ["case", ["get", "announced"], yes, no] as never;

/** Warned areas: a light fill, an outline (dashed for exercises) with the severity's shape strung along it, and the headline. */
const alertAreas: LayerSpecification[] = [
  {
    id: "alert-area",
    type: "fill",
    source: "alerts",
    paint: { "fill-color": severityColour, "fill-opacity": announced(0.05, 0.1) },
  },
  {
    id: "alert-edge",
    type: "line",
    source: "alerts",
    filter: ["!", ["get", "exercise"]],
    layout: { "line-join": "round" },
    paint: { "line-color": severityColour, "line-width": 2, "line-opacity": announced(0.5, 0.9) },
  },
  {
    id: "alert-edge-exercise",
    type: "line",
    source: "alerts",
    filter: ["get", "exercise"],
    layout: { "line-join": "round" },
    paint: { "line-color": severityColour, "line-width": 2, "line-opacity": announced(0.5, 0.9), "line-dasharray": [4, 3] },
  },
  {
    id: "alert-shape",
    type: "symbol",
    source: "alerts",
    layout: {
      "symbol-placement": "line",
      "symbol-spacing": 110,
      "icon-image": ["concat", "alert/", ["get", "severity"], ["case", ["get", "exercise"], "/hollow", "/solid"]],
      "icon-rotation-alignment": "viewport",
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
    },
  },
];

const alertNames: LayerSpecification = {
  id: "alert-name",
  type: "symbol",
  source: "alert-names",
  layout: {
    "text-field": ["get", "name"],
    "text-font": look.FONT_BOLD,
    "text-size": 16,
    "text-max-width": 8,
    "text-padding": 8,
    // Beside its place rather than on a marker or not at all.
    "text-variable-anchor": ["center", "top", "bottom", "left", "right"],
    "text-radial-offset": 1,
    "symbol-sort-key": ["get", "rank"],
  },
  paint: { "text-color": look.TEXT, "text-halo-color": look.HALO, "text-halo-width": 1.8 },
};

const sensors: LayerSpecification[] = [
  {
    id: "sensor",
    type: "circle",
    source: "sensors",
    paint: {
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 3, 15, 6.5],
      "circle-color": ["get", "colour"],
      "circle-opacity": ["case", ["get", "counts"], 0.95, 0],
      // A light rim, so that the ramp's dark end shows on a dark city.
      "circle-stroke-color": look.LEFT_OUT_COLOUR,
      "circle-stroke-width": 1.2,
    },
  },
  {
    id: "sensor-value",
    type: "symbol",
    source: "sensors",
    minzoom: 12,
    layout: {
      "text-font": look.FONT_MEDIUM,
      "text-field": ["get", "value"],
      "text-size": 16,
      "text-offset": [0, 0.6],
      "text-anchor": "top",
      "text-optional": true,
    },
    paint: { "text-color": look.TEXT_QUIET, "text-halo-color": look.HALO, "text-halo-width": 1.8 },
  },
];

/** The place in the heat layer that was tapped. */
const probe: LayerSpecification[] = [
  {
    id: "probe-edge",
    type: "circle",
    source: "probe",
    paint: { "circle-radius": 11, "circle-opacity": 0, "circle-stroke-color": look.HALO, "circle-stroke-width": 6 },
  },
  {
    id: "probe",
    type: "circle",
    source: "probe",
    paint: { "circle-radius": 12, "circle-opacity": 0, "circle-stroke-color": "#FFFFFF", "circle-stroke-width": 2.5 },
  },
];

const units: LayerSpecification[] = [
  {
    id: "unit",
    type: "symbol",
    source: "units",
    layout: {
      "icon-image": ["get", "icon"],
      "icon-rotate": ["get", "heading"],
      "icon-rotation-alignment": "map",
      "icon-allow-overlap": true,
      "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.6, 14, 1],
    },
  },
  {
    id: "unit-name",
    type: "symbol",
    source: "units",
    minzoom: 13.5,
    layout: {
      "text-field": ["get", "name"],
      "text-font": look.FONT_MEDIUM,
      "text-size": 16,
      "text-offset": [0, 1.1],
      "text-anchor": "top",
      "text-padding": 6,
    },
    paint: { "text-color": ["get", "colour"], "text-halo-color": look.HALO, "text-halo-width": 1.8 },
  },
];

const incidents: LayerSpecification[] = [
  {
    id: "incident-cluster",
    type: "symbol",
    source: "incidents",
    filter: ["has", "point_count"],
    layout: {
      "icon-image": ["concat", "cluster-", ["to-string", ["get", "worst"]]],
      "icon-allow-overlap": true,
      "text-field": ["to-string", ["get", "point_count"]],
      "text-font": look.FONT_BOLD,
      "text-size": 17,
      "text-allow-overlap": true,
    },
    paint: { "text-color": "#FFFFFF" },
  },
  {
    id: "incident",
    type: "symbol",
    source: "incidents",
    filter: ["!", ["has", "point_count"]],
    layout: {
      "icon-image": ["get", "icon"],
      "icon-anchor": "bottom",
      "icon-allow-overlap": true,
      // Worst on top: symbols are drawn in the order of their key.
      "symbol-sort-key": ["-", SEVERITIES.length, ["get", "rank"]],
    },
  },
  {
    id: "incident-selected",
    type: "symbol",
    source: "selected",
    layout: { "icon-image": ["get", "icon"], "icon-anchor": "bottom", "icon-allow-overlap": true },
  },
];

const me: LayerSpecification[] = [
  {
    id: "me-halo",
    type: "circle",
    source: "me",
    paint: { "circle-radius": 16, "circle-color": "#FFFFFF", "circle-opacity": 0.14 },
  },
  {
    id: "me",
    type: "circle",
    source: "me",
    paint: { "circle-radius": 7, "circle-color": "#FFFFFF", "circle-stroke-color": look.HALO, "circle-stroke-width": 3 },
  },
];

/** The layer that the heat field lies under: over ground and buildings, below warnings, borders and names. */
export const HEAT_BELOW = "alert-area";

/** What a person switches as one thing; ids as the view state names them. */
export const LAYER_GROUPS: Record<string, string[]> = {
  buildings: ["footprint", "solid"],
  areas: ["border", "border-town", "border-village"],
  labels: ["place"],
  marathon: ["course", "course-edge", "course-point"],
  units: ["unit", "unit-name"],
  alerts: ["alert-area", "alert-edge", "alert-edge-exercise", "alert-shape", "alert-name"],
  incidents: ["incident", "incident-cluster", "incident-selected"],
};

export function style(): StyleSpecification {
  return {
    version: 8,
    light: { anchor: "map", position: [1.3, 315, 55], color: "#DDE7F5", intensity: 0.42 },
    sky: {
      "sky-color": "#0A1420",
      "horizon-color": "#1B2836",
      "fog-color": look.LAND,
      "sky-horizon-blend": 0.9,
      "horizon-fog-blend": 0.8,
      "fog-ground-blend": 0.4,
    },
    sources: {
      ground: source,
      footprints: source,
      areas: source,
      places: source,
      course: source,
      alerts: source,
      "alert-names": source,
      sensors: source,
      probe: source,
      units: source,
      incidents: {
        ...source,
        cluster: true,
        clusterRadius: 46,
        clusterMaxZoom: 13,
        clusterProperties: { worst: ["min", ["get", "rank"]] },
      },
      selected: source,
      me: source,
    },
    layers: [...ground, ...buildings, ...alertAreas, ...names, place, coursePoints, ...sensors, ...probe, ...units, alertNames, ...incidents, ...me],
  };
}

export const TILT_MAX = MAX_TILT_DEG;
