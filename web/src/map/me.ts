/** This phone's own place, when the person allows it. */

import { signal } from "@preact/signals";
import type { GeoJSONSource, Map as LibreMap } from "maplibre-gl";

export type Me = { is: "unknown" } | { is: "asked" } | { is: "at"; lon: number; lat: number; accuracyM: number } | { is: "refused"; why: string };

export const me = signal<Me>({ is: "unknown" });

let watching = false;

/** Asks once; afterwards the place is kept up to date. */
export function locate(): void {
  if (watching) return;
  if (!("geolocation" in navigator)) {
    me.value = { is: "refused", why: "no geolocation" };
    return;
  }
  watching = true;
  me.value = { is: "asked" };
  navigator.geolocation.watchPosition(
    ({ coords }) => {
      me.value = { is: "at", lon: coords.longitude, lat: coords.latitude, accuracyM: coords.accuracy };
    },
    (error) => {
      watching = false;
      me.value = { is: "refused", why: error.message };
    },
    { enableHighAccuracy: true, maximumAge: 10_000, timeout: 20_000 },
  );
}

/** Shows the place; starts by itself when it was allowed before. */
export function showMe(map: LibreMap): void {
  me.subscribe((place) => {
    const features =
      place.is === "at"
        ? [{ type: "Feature" as const, properties: {}, geometry: { type: "Point" as const, coordinates: [place.lon, place.lat] } }]
        : [];
    map.getSource<GeoJSONSource>("me")?.setData({ type: "FeatureCollection", features });
  });
  void navigator.permissions
    ?.query({ name: "geolocation" })
    .then((permission) => permission.state === "granted" && locate())
    .catch(() => undefined);
}
