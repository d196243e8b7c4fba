/** Public warnings above the incidents: a row each, opened by a tap. */

import { computed, signal } from "@preact/signals";
import { hhmm } from "../clock";
import { T } from "../i18n";
import type { Alert } from "../protocol";
import { city, instant } from "../session";
import { Shape } from "../sheet/shape";
import { shown, title } from "./shown";

/** More rows than this push the incidents off the screen. */
const ROWS_MAX = 5;

/** Anew each time the clock of ages ticks: what is over leaves by itself. */
export const alertsShown = computed(() => shown(city.value.alerts.values(), instant.value));
const opened = signal<string | null>(null);

export function Alerts() {
  const list = alertsShown.value;
  if (list.length === 0) return null;
  return (
    <ul class="rows alerts" data-testid="alerts">
      {list.slice(0, ROWS_MAX).map((a) => (
        <Row key={a.id} alert={a} />
      ))}
      {list.length > ROWS_MAX && (
        <li class="note">
          <T w={[`另有 ${list.length - ROWS_MAX} 条预警`, `${list.length - ROWS_MAX} more warnings`]} />
        </li>
      )}
    </ul>
  );
}

function Row({ alert: a }: { alert: Alert }) {
  const open = opened.value === a.id;
  const announced = Date.parse(a.effective) > instant.value;
  return (
    <li>
      <button
        type="button"
        class="row alert"
        aria-expanded={open}
        data-testid={`alert-${a.id}`}
        onClick={() => {
          opened.value = open ? null : a.id;
        }}
      >
        <Shape severity={a.severity} hollow={a.status === "exercise"} />
        <span class="what">
          <T w={title(a)} />
          <span class="meta">
            <b>
              <T w={announced ? [`${hhmm(a.effective)} 起`, `from ${hhmm(a.effective)}`] : [`至 ${hhmm(a.expires)}`, `until ${hhmm(a.expires)}`]} inline />
            </b>
            <span class="where">{a.areas.map((area) => area.name).join("、")}</span>
          </span>
        </span>
      </button>
      {open && (
        <div class="alert-words">
          {a.description && <p>{a.description}</p>}
          {a.instruction && <p class="do">{a.instruction}</p>}
          <p class="quiet-line">{a.sender}</p>
        </div>
      )}
    </li>
  );
}
