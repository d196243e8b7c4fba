/** The map: made once, fed by signals. */

import { effect, signal } from "@preact/signals";
import "maplibre-gl/dist/maplibre-gl.css";
import { type GeoJSONSource, Map as LibreMap, type MapMouseEvent, Marker, type PaddingOptions, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { hubNow } from "../clock";
import { type Lang, reducedMotion, settings } from "../settings";
import { city, incidents, instant, past, units } from "../session";
import { HEAT_LAYER, HeatLayer } from "../heat/draw";
import { forget, pointAt, pointed } from "../heat/probe";
import { frame, isAwaited as heatIsAwaited, shown } from "../heat/shown";
import { heat, isShown, layers, select, selected, sheet, sheetPx } from "../view/chosen";
import { alertsShown } from "../alerts/list";
import { drawn } from "../alerts/shown";
import { loaded, loadBase } from "./base";
import { incidentPoints, selectedPoint, sensorPoints, unitPoints } from "./features";
import { draw, PIXEL_RATIO } from "./icons";
import * as look from "./look";
import { FOV_DEG } from "./pose";
import { HEAT_BELOW, LAYER_GROUPS, style, TILT_MAX } from "./style";

setWorkerUrl(workerUrl);

/** Suqian's centre, until the scene or the view says where to look. */
const START = { center: [118.2757, 33.9631] as [number, number], zoom: 13 };
/** Tilted less than this the solids are drawn as plain footprints: same picture, a tenth of the work. */
const FLAT_BELOW_DEG = 8;
/** A finger is about this wide: taps this close to a symbol mean it, CSS pixels. */
const FINGER_PX = 22;
/** Redrawing ages and rings more often than this shows nothing new, milliseconds. */
const RINGS_EVERY_MS = 20_000;

/** For tests and pictures: the map has drawn everything it has. */
export const settled = signal(false);
/** Part of the map under bar and sheet, CSS pixels. */
export const padding = signal<PaddingOptions>({ top: 56, bottom: 0, left: 0, right: 0 });
/** Signed bearing, for the compass. */
export const bearing = signal(0);

export function createMap(container: HTMLElement): LibreMap {
  const map = new LibreMap({
    container,
    style: style(),
    ...START,
    maxPitch: TILT_MAX,
    minZoom: 8,
    maxZoom: 19,
    attributionControl: false,
    fadeDuration: reducedMotion() ? 0 : 250,
    localIdeographFontFamily: false,
    dragRotate: true,
    touchPitch: true,
  });
  map.setVerticalFieldOfView(FOV_DEG);
  map.setMissingStyleImageResolver((id) => {
    const image = draw(id);
    if (image && !map.hasImage(id)) map.addImage(id, image, { pixelRatio: PIXEL_RATIO });
  });
  map.on("error", ({ error }) => console.warn("map:", error.message));
  map.on("rotate", () => {
    bearing.value = map.getBearing();
  });
  map.on("render", () => {
    settled.value = false;
  });
  map.on("idle", () => {
    settled.value = loaded.value && !heatIsAwaited();
  });
  map.on("load", () => {
    void loadBase(map).then(() => map.triggerRepaint());
    watch(map);
    taps(map);
  });
  return map;
}

/** The centre stays clear of the sheet, but never moves for a sheet that covers nearly everything. */
function clear(map: LibreMap, sheet_px: number): PaddingOptions {
  return { top: 56, bottom: Math.min(sheet_px, map.getContainer().clientHeight * 0.55), left: 0, right: 0 };
}

/** Bar above and peeking sheet below, CSS pixels. */
const COVERED_PX = 56 + 160;

/**
 * Height of the picture proper: the part that neither bar nor peeking sheet covers. The shared camera's field of view spans
 * this part, so that a follower sees at least what is above and below on the wall. It must not depend on where the sheet
 * stands now: a leading phone that opened a list would zoom the wall.
 */
export const pictureHeight = (map: LibreMap): number => {
  const all = map.getContainer().clientHeight;
  return Math.max(all * 0.4, all - COVERED_PX);
};

function source(map: LibreMap, name: string): GeoJSONSource | undefined {
  return map.getSource<GeoJSONSource>(name);
}

function watch(map: LibreMap): void {
  const tick = signal(hubNow());
  setInterval(() => {
    tick.value = hubNow();
  }, RINGS_EVERY_MS);
  /** What is past has its own instant; what is now is drawn anew only when a ring or an age may have changed. */
  const at = (): number => (past.value ? instant.value : tick.value);
  effect(() => {
    const id = selected.value?.id ?? null;
    source(map, "incidents")?.setData(incidentPoints(incidents.value.values(), id, at()));
    source(map, "selected")?.setData(selectedPoint(selected.value ?? undefined, at()));
  });
  // What is shown changes once a second with the clock, its areas seldom: only then are they sent to the map.
  let areas = "";
  effect(() => {
    const { areas: polygons, labels } = drawn(alertsShown.value, instant.value);
    const now = JSON.stringify(polygons.features.map((f) => [f.properties, f.geometry.coordinates[0]?.length]));
    if (now === areas) return;
    areas = now;
    source(map, "alerts")?.setData(polygons);
    source(map, "alert-names")?.setData(labels);
  });
  effect(() => {
    source(map, "units")?.setData(unitPoints(units.value.values(), at()));
  });
  effect(() => {
    source(map, "sensors")?.setData(sensorPoints(heat.value, city.value.datastreams.values(), city.value.observations, at()));
  });
  drawHeat(map);
  effect(() => void map.setLayoutProperty("place", "text-field", label(settings.value.lang)));
  effect(() => {
    padding.value = clear(map, sheetPx.value);
    const apply = (): void => void map.easeTo({ padding: padding.value, duration: reducedMotion() ? 0 : 250 });
    if (map.isMoving()) map.once("moveend", apply);
    else apply();
  });
  showLayers(map);
  pulses(map);
}

/** The field below everything that has a name, and the mark where somebody points. */
function drawHeat(map: LibreMap): void {
  const layer = new HeatLayer(() => frame.peek());
  const add = (): void => {
    if (!map.getLayer(HEAT_LAYER)) map.addLayer(layer, HEAT_BELOW);
  };
  add();
  // A phone that comes back from another app may have lost the graphics device: the style comes back by itself, this layer does not.
  map.on("style.load", add);
  effect(() => layer.show(shown.value));
  effect(() => {
    const at = pointed.value;
    const features = at ? [{ type: "Feature" as const, properties: {}, geometry: { type: "Point" as const, coordinates: [at.lon, at.lat] } }] : [];
    source(map, "probe")?.setData({ type: "FeatureCollection", features });
  });
}

function showLayers(map: LibreMap): void {
  const apply = (): void => {
    const tilted = map.getPitch() >= FLAT_BELOW_DEG;
    for (const [group, ids] of Object.entries(LAYER_GROUPS)) {
      for (const id of ids) {
        const fits = id === "solid" ? tilted : id === "footprint" ? !tilted : true;
        const to = isShown(group) && fits ? "visible" : "none";
        if ((map.getLayoutProperty(id, "visibility") ?? "visible") !== to) map.setLayoutProperty(id, "visibility", to);
      }
    }
  };
  map.on("pitch", apply);
  effect(() => {
    void layers.value;
    apply();
  });
}

/** Chinese first, English under it and smaller. */
function label(lang: Lang) {
  const zh = ["coalesce", ["get", "name"], ["get", "name_zh"], ""];
  const en = ["coalesce", ["get", "name_en"], ""];
  if (lang === "zh") return zh as never;
  if (lang === "en") return ["case", ["==", en, ""], zh, en] as never;
  return ["case", ["==", en, ""], ["format", zh, {}], ["format", zh, {}, "\n", {}, en, { "font-scale": 0.78 }]] as never;
}

/** One 1.2 s pulse where an incident is new, then still. */
function pulses(map: LibreMap): void {
  let known: Set<string> | null = null;
  effect(() => {
    const ids = new Set(incidents.value.keys());
    const before = known;
    if (city.value.revision !== null) known = ids;
    if (before === null || reducedMotion()) return;
    for (const id of ids) {
      const incident = incidents.value.get(id);
      if (before.has(id) || !incident) continue;
      const element = document.createElement("div");
      element.className = "pulse";
      element.style.color = look.SEVERITY_COLOUR[incident.severity];
      const marker = new Marker({ element }).setLngLat([incident.lon, incident.lat]).addTo(map);
      setTimeout(() => marker.remove(), 1300);
    }
  });
}

function taps(map: LibreMap): void {
  map.on("click", (event: MapMouseEvent) => {
    if (sheet.value === "report") return;
    const { x, y } = event.point;
    const box: [[number, number], [number, number]] = [
      [x - FINGER_PX, y - FINGER_PX],
      [x + FINGER_PX, y + FINGER_PX],
    ];
    const hit = map.queryRenderedFeatures(box, { layers: ["incident-selected", "incident", "incident-cluster"] })[0];
    if (!hit) {
      if (!pointAt(event.lngLat.lng, event.lngLat.lat)) {
        forget();
        select(null);
      }
      return;
    }
    const id = hit.properties["id"] as string | undefined;
    if (id !== undefined) {
      select(id);
      return;
    }
    const center = (hit.geometry as GeoJSON.Point).coordinates as [number, number];
    void source(map, "incidents")
      ?.getClusterExpansionZoom(Number(hit.properties["cluster_id"]))
      .then((zoom) => map.easeTo({ center, zoom: zoom + 0.5, duration: reducedMotion() ? 0 : 600 }));
  });
}

