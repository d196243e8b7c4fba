/** Loads the city's own files into the map. What is absent is left out and said quietly; the rest works. */

import { signal } from "@preact/signals";
import type { FeatureCollection } from "geojson";
import type { GeoJSONSource, Map as LibreMap } from "maplibre-gl";
import type { Words } from "../i18n";
import { learnAreas } from "./areas";
import { gpxToGeoJson } from "./gpx";
import { BASE_FILES } from "./style";

type BaseName = keyof typeof BASE_FILES;

const WORDS: Record<BaseName, Words> = {
  ground: ["地面", "ground"],
  footprints: ["建筑", "buildings"],
  areas: ["辖区", "districts"],
  places: ["地名", "places"],
  course: ["赛道", "course"],
};

/** Files that could not be had, for the note. */
export const missing = signal<readonly Words[]>([]);
export const loaded = signal(false);

export async function loadBase(map: LibreMap): Promise<void> {
  const names = Object.keys(BASE_FILES) as BaseName[];
  const got = await Promise.all(names.map((name) => load(map, name)));
  missing.value = names.flatMap((name, i) => (got[i] ? [] : [WORDS[name]]));
  loaded.value = true;
}

async function load(map: LibreMap, name: BaseName): Promise<boolean> {
  const path = BASE_FILES[name];
  try {
    const response = await fetch(new URL(path, document.baseURI));
    // A hub that answers unknown addresses with the app's page is also "absent".
    if (!response.ok || response.headers.get("content-type")?.includes("text/html")) return false;
    const data = path.endsWith(".gpx") ? gpxToGeoJson(await response.text()) : ((await response.json()) as FeatureCollection);
    map.getSource<GeoJSONSource>(name)?.setData(data);
    if (name === "areas") learnAreas(data);
    return true;
  } catch (error) {
    console.warn(`${path}: not loaded, the map goes on without it`, error);
    return false;
  }
}
