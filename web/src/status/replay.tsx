/** Says on the whole picture that what is shown is not now; who may, goes back to live. */

import { one, T } from "../i18n";
import { leading, mayLead, patchView, replaying, takeLead, view } from "../session";
import { shownMs, trouble } from "../view/replay";

const two = (n: number): string => String(n).padStart(2, "0");

function words(ms: number): string {
  const d = new Date(ms);
  return `${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function ReplayBand() {
  const clock = view.value?.clock;
  if (!replaying.value || !clock || clock.mode === "live" || shownMs.value === null) return null;
  const back = (): void => {
    if (!leading.value) takeLead();
    patchView({ clock: { mode: "live" } });
  };
  return (
    <>
      <div class="replay-frame" aria-hidden="true" />
      <section class="replay" role="status" data-testid="replay" data-time={new Date(shownMs.value).toISOString()}>
        <span class="said">
          <b>
            <T w={["回放", "REPLAY"]} inline />
            {clock.mode === "playing" && ` ${clock.speed}×`}
          </b>
          <span>
            <span class="time">{words(shownMs.value)}</span> {one(clock.known === "as_we_knew_it" ? ["当时所知", "as known then"] : ["实际发生", "as it was"])}
          </span>
        </span>
        {mayLead.value && (
          <button type="button" data-testid="back-to-live" onClick={back}>
            {one(["回到在线", "Back to live"])}
          </button>
        )}
      </section>
      {trouble.value && (
        <p class="notice warn" data-testid="replay-trouble">
          {trouble.value}
        </p>
      )}
    </>
  );
}
