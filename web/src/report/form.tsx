/** 上报: what, how bad, where. Three taps and send; words are optional. */

import { signal } from "@preact/signals";
import type { Map as LibreMap } from "maplibre-gl";
import { useState } from "preact/hooks";
import { DOMAIN, one, SEVERITY, T } from "../i18n";
import { SEVERITIES } from "../incidents/order";
import { locate, me } from "../map/me";
import type { Domain, Severity } from "../protocol";
import { live } from "../session";
import { randomId } from "../settings";
import { Icon, Shape } from "../sheet/shape";
import { show } from "../view/chosen";
import { CATEGORIES, type Category } from "./categories";
import { submit } from "./outbox";

/** Where the crosshair stands, degrees; kept up to date by the map. */
export const crosshair = signal<{ lon: number; lat: number }>({ lon: 0, lat: 0 });

export function aim(map: LibreMap): void {
  const take = (): void => {
    const { lng, lat } = map.getCenter();
    crosshair.value = { lon: lng, lat };
  };
  map.on("move", take);
  take();
}

interface What {
  domain: Domain;
  category: Category | null;
  severity: Severity;
  title: string;
  description: string;
}

const BLANK: What = { domain: "urban_management", category: null, severity: "minor", title: "", description: "" };

export function ReportForm({ map }: { map: LibreMap }) {
  const [what, setWhat] = useState<What>(BLANK);
  const [full, setFull] = useState(false);
  const set = (part: Partial<What>): void => setWhat({ ...what, ...part });
  const leave = (): void => show("list", "peek");
  const go = (): void => {
    if (submitReport(what)) leave();
    else setFull(true);
  };
  return (
    <form
      class="report"
      data-testid="report-form"
      onSubmit={(e) => {
        e.preventDefault();
        go();
      }}
    >
      <header>
        <button type="button" class="icon" aria-label="取消 Cancel" onClick={leave}>
          <Icon name="close" />
        </button>
        <h2>
          <T w={["上报事件", "Report"]} inline />
        </h2>
        <Here map={map} />
      </header>
      <div class="choices four">
        {(Object.keys(CATEGORIES) as Domain[]).map((domain) => (
          <button key={domain} type="button" aria-pressed={what.domain === domain} onClick={() => set({ domain, category: null })}>
            <T w={DOMAIN[domain]} />
          </button>
        ))}
      </div>
      <div class="choices two">
        {CATEGORIES[what.domain].map((category) => (
          <button
            key={category.path}
            type="button"
            aria-pressed={what.category?.path === category.path}
            data-testid={`category-${category.path}`}
            onClick={() => set({ category, severity: category.severity })}
          >
            <T w={category.words} />
          </button>
        ))}
      </div>
      <div class="choices four severities">
        {SEVERITIES.map((severity) => (
          <button key={severity} type="button" aria-pressed={what.severity === severity} onClick={() => set({ severity })}>
            <Shape severity={severity} size={24} />
            <T w={SEVERITY[severity]} />
          </button>
        ))}
      </div>
      <input
        type="text"
        maxLength={60}
        placeholder={one(["标题（可不填）", "Title (optional)"])}
        value={what.title}
        onInput={(e) => set({ title: e.currentTarget.value })}
      />
      <textarea
        rows={2}
        maxLength={500}
        placeholder={one(["补充说明", "More words"])}
        value={what.description}
        onInput={(e) => set({ description: e.currentTarget.value })}
      />
      {full && (
        <p class="answer warn">
          <T w={["未发送的上报已满，请先联网", "Too many unsent reports: go online first"]} />
        </p>
      )}
      <div class="send">
        <button type="submit" class="primary" data-testid="send-report" disabled={what.category === null}>
          {what.category === null ? (
            <T w={["请选择类别", "Choose what it is"]} />
          ) : live.value ? (
            <T w={["发送", "Send"]} />
          ) : (
            <T w={["离线：存为未发送", "Offline: keep, send later"]} />
          )}
        </button>
      </div>
    </form>
  );
}

/** Moves the crosshair to where the phone is. */
function Here({ map }: { map: LibreMap }) {
  const place = me.value;
  const go = (): void => {
    if (place.is === "at") map.easeTo({ center: [place.lon, place.lat], zoom: Math.max(map.getZoom(), 16) });
    else locate();
  };
  return (
    <button type="button" class="small" onClick={go}>
      <Icon name="locate" size={20} /> <T w={place.is === "refused" ? ["无定位", "No position"] : ["我的位置", "My place"]} />
    </button>
  );
}

function submitReport(what: What): boolean {
  const { domain, category, severity, description } = what;
  if (!category) return true;
  const [zh, en] = category.words;
  const title = what.title.trim();
  return submit({
    id: randomId(),
    report: {
      id: randomId(),
      domain,
      category: category.path,
      severity,
      title: title || zh,
      title_en: title ? "" : en,
      description: description.trim(),
      ...crosshair.value,
      area: null,
      reported_at: new Date().toISOString(),
    },
  });
}
