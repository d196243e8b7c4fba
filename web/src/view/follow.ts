/** Moves this phone's map with the shared view while it follows, and the shared view with this phone while it leads. */

import { effect, untracked } from "@preact/signals";
import type { Map as LibreMap } from "maplibre-gl";
import { hubNow } from "../clock";
import { pointed } from "../heat/probe";
import { padding, pictureHeight } from "../map/map";
import { toMapCamera, toPose } from "../map/pose";
import type { CameraPose } from "../protocol";
import { leading, patchView, scene, view } from "../session";
import { change, reducedMotion, settings } from "../settings";
import { poseAt, positionS } from "../tour/tour";
import { height, tapped } from "./chosen";

/** Changes sent by a leading phone: 5 a second. */
const SEND_EVERY_MS = 200;
/** LOOK section 5: motion eases over 0.6 to 1.2 s. */
const EASE_MS = 800;
/** A tour's picture, 30 a second: half of what the display could, for the battery. */
const TOUR_FRAME_MS = 33;
/** Near enough to see which corner of a crossing is meant. */
const TAPPED_ZOOM = 14.5;
/** With reduced motion a tour goes in steps instead of gliding. */
const TOUR_STEP_MS = 3_000;

/** Set on moves made by this module, so that they are not sent back as the leader's own. */
const OURS = { followed: true };

export function follow(map: LibreMap): void {
  let shown = "";
  let first = true;
  const goTo = (pose: CameraPose, ease: boolean): void => {
    const camera = { ...toMapCamera(pose, pictureHeight(map)), padding: padding.peek() };
    if (ease && !reducedMotion()) map.easeTo({ ...camera, duration: EASE_MS }, OURS);
    else map.jumpTo(camera, OURS);
  };

  effect(() => {
    const camera = view.value?.camera ?? scene.value?.camera?.[0]?.pose;
    // Where the scene stands is also where a phone opens that does not follow.
    const on = settings.value.follow || first;
    if (!camera || !on || touring()) {
      shown = "";
      return;
    }
    // The leader's own echoes would fight with the finger, except for the place the scene opens at.
    if (leading.value && !first) return;
    const key = JSON.stringify(camera);
    if (key === shown) return;
    shown = key;
    untracked(() => goTo(camera, !first));
    if (view.value) first = false;
  });

  let last = 0;
  const frame = (at: number): void => {
    requestAnimationFrame(frame);
    if (at - last < (reducedMotion() ? TOUR_STEP_MS : TOUR_FRAME_MS) || !settings.value.follow || !touring()) return;
    last = at;
    const tour = scene.value?.tour;
    const position = view.value ? positionS(view.value.tour, hubNow()) : null;
    const pose = tour && position !== null ? poseAt(tour, position) : null;
    const key = JSON.stringify(pose);
    if (pose && key !== shown) goTo(pose, false);
    shown = key;
  };
  requestAnimationFrame(frame);

  lead(map);
  stopAtTouch(map);
  toTapped(map);
  keepInSight(map);
}

/** A card that opens over the place in the heat that was tapped moves it up into what is left of the map; never on a phone that leads. */
function keepInSight(map: LibreMap): void {
  effect(() => {
    const at = pointed.value;
    if (!at || height.value !== "half" || untracked(() => touring() || leading.value)) return;
    map.easeTo({ center: [at.lon, at.lat], padding: padding.value, duration: reducedMotion() ? 0 : EASE_MS }, OURS);
  });
}

/** A row tapped in the list brings its place into the picture; following goes on with the leader's next move. */
function toTapped(map: LibreMap): void {
  effect(() => {
    const at = tapped.value;
    if (!at || untracked(touring)) return;
    map.easeTo({ center: [at.lon, at.lat], zoom: Math.max(map.getZoom(), TAPPED_ZOOM), duration: reducedMotion() ? 0 : EASE_MS });
  });
}

const touring = (): boolean => (view.value?.tour.state ?? "off") !== "off" && !!scene.value?.tour;

/** A finger on the map ends following; the button shows it and brings it back. */
function stopAtTouch(map: LibreMap): void {
  const stop = (event: { originalEvent?: Event }): void => {
    if (event.originalEvent && settings.value.follow && !leading.value) change({ follow: false });
  };
  map.on("dragstart", stop);
  map.on("zoomstart", stop);
  map.on("rotatestart", stop);
  map.on("pitchstart", stop);
}

function lead(map: LibreMap): void {
  let timer: number | undefined;
  let sentMs = 0;
  const say = (): void => {
    timer = undefined;
    sentMs = Date.now();
    if (!leading.value) return;
    const { lng, lat } = map.getCenter();
    const camera = { center: [lng, lat] as [number, number], zoom: map.getZoom(), bearing: map.getBearing(), pitch: map.getPitch() };
    patchView({ camera: toPose(camera, pictureHeight(map), view.value?.camera.height_m ?? 0) });
  };
  map.on("move", (event) => {
    if (!leading.value || touring() || (event as { followed?: boolean }).followed || timer !== undefined) return;
    timer = setTimeout(say, Math.max(0, sentMs + SEND_EVERY_MS - Date.now()));
  });
}
