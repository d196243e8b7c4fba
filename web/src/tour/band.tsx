/** The tour's band: its word and time, the caption, and who may, plays, pauses and leaves it. */

import { computed } from "@preact/signals";
import { hubNow, now } from "../clock";
import { T } from "../i18n";
import type { TourMove } from "../protocol";
import { leading, mayLead, patchView, scene, takeLead, view } from "../session";
import { change, settings } from "../settings";
import { Icon } from "../sheet/shape";
import { captionAt, lengthS, poseAt, positionS } from "./tour";

const tour = computed(() => scene.value?.tour ?? null);
export const touring = computed(() => tour.value !== null && (view.value?.tour.state ?? "off") !== "off");

/** Only the screen that leads may move the tour, so the lead is taken first. */
export function moveTour(move: TourMove): void {
  if (!leading.value) takeLead();
  // Whoever leaves the tour stays where it was, and with him everyone who follows.
  const here = move.move === "leave" && tour.value && view.value ? positionS(view.value.tour, hubNow()) : null;
  const camera = tour.value && here !== null ? poseAt(tour.value, here) : null;
  patchView(camera ? { tour: move, camera } : { tour: move });
}

const clock = (s: number): string => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export function TourBand() {
  const state = view.value?.tour;
  if (!touring.value || !tour.value || !state) return null;
  const length = lengthS(tour.value);
  const position = Math.min(positionS(state, now.value) ?? 0, length);
  const caption = captionAt(tour.value, position);
  const playing = state.state === "playing" && position < length;
  return (
    <section class="tour" data-testid="tour" data-position={position.toFixed(1)}>
      <div class="tour-head">
        <b class="tag">
          <T w={["巡演", "Tour"]} inline />
        </b>
        <span class="time">
          {clock(position)} / {clock(length)}
        </span>
        <span class="gap" />
        {mayLead.value && (
          <button
            type="button"
            class="icon"
            data-testid="tour-play"
            aria-label={playing ? "暂停 Pause" : "播放 Play"}
            onClick={() => moveTour({ move: playing ? "pause" : "play" })}
          >
            <Icon name={playing ? "pause" : "play"} />
          </button>
        )}
        <button
          type="button"
          class="icon"
          data-testid="tour-leave"
          aria-label={mayLead.value ? "结束巡演 End tour" : "不再跟随 Stop following"}
          onClick={() => (mayLead.value ? moveTour({ move: "leave" }) : change({ follow: false }))}
          hidden={!mayLead.value && !settings.value.follow}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="bar">
        <i style={{ width: `${length > 0 ? (100 * position) / length : 0}%` }} />
      </div>
      {caption && (
        <p class="caption" data-testid="caption">
          <T w={[caption.zh, caption.en]} />
        </p>
      )}
    </section>
  );
}
