/** Puts the parts on the screen: bar and notes above, buttons beside, one sheet below. */

import type { Map as LibreMap } from "maplibre-gl";
import { HeatCard } from "./heat/card";
import { Legend } from "./heat/legend";
import { T } from "./i18n";
import { Card } from "./incidents/card";
import { List } from "./incidents/list";
import { bearing } from "./map/map";
import { locate, me } from "./map/me";
import { ReportForm } from "./report/form";
import { reducedMotion, change, settings } from "./settings";
import { leading } from "./session";
import { Icon } from "./sheet/shape";
import { Sheet, windowPx } from "./sheet/sheet";
import { Notes, StatusBar } from "./status/bar";
import { ReplayBand } from "./status/replay";
import { SettingsPanel } from "./status/settings-panel";
import { TourBand, touring } from "./tour/band";
import { height, selected, sheet, sheetPx, show } from "./view/chosen";
import { Layers } from "./view/layers";

/** Heights at peek, CSS pixels: handle, figures and the first row; a card's head, state and next move; the heat's value here; only the figures while a tour speaks. */
const PEEK_PX = { list: { both: 157, zh: 135, en: 135 }, card: { both: 198, zh: 166, en: 172 }, heat: { both: 126, zh: 108, en: 108 }, tour: 72 };

/** In a window lower than this (a phone on its side) the list shows its figures only: the map keeps its part. */
const LOW_PX = 480;
/** Lower than this, an open sheet leaves no room for the map's own buttons under the legend. */
const SHORT_PX = 640;

function peek(what: "list" | "card" | "heat"): number {
  const { lang } = settings.value;
  if (touring.value || (what === "list" && windowPx.value < LOW_PX)) return PEEK_PX.tour + bottomInset;
  return PEEK_PX[what][lang] + bottomInset;
}

/** Room for the phone's home bar. */
const bottomInset = Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--bottom")) || 0;

export function App({ map }: { map: LibreMap }) {
  const incident = sheet.value === "card" ? selected.value : null;
  return (
    <>
      <div class="top">
        <StatusBar />
        <ReplayBand />
        <TourBand />
        {!(sheet.value === "report" && windowPx.value < LOW_PX) && <Legend />}
        <Notes />
      </div>
      {sheet.value === "report" && <Crosshair />}
      {sheet.value !== "report" && height.value !== "full" && <Buttons map={map} />}
      <Sheet peekPx={peek(incident ? "card" : sheet.value === "heat" ? "heat" : "list")} label="事件 Incidents">
        {incident ? <Card incident={incident} /> : <Content map={map} />}
      </Sheet>
    </>
  );
}

function Content({ map }: { map: LibreMap }) {
  switch (sheet.value) {
    case "report":
      return <ReportForm map={map} />;
    case "layers":
      return <Layers />;
    case "settings":
      return <SettingsPanel />;
    case "heat":
      return <HeatCard />;
    case "list":
    case "card":
      return <List />;
  }
}

/** Stands where the map's centre is, above the sheet. */
function Crosshair() {
  return (
    <svg class="crosshair" viewBox="0 0 64 64" width="64" height="64" aria-hidden="true" style={{ bottom: `${sheetPx.value}px` }}>
      <path d="M32 4v18M32 42v18M4 32h18M42 32h18" stroke="#0b111a" stroke-width="7" stroke-linecap="round" />
      <path d="M32 4v18M32 42v18M4 32h18M42 32h18" stroke="#fff" stroke-width="3" stroke-linecap="round" />
      <circle cx="32" cy="32" r="3" fill="#fff" stroke="#0b111a" stroke-width="2" />
    </svg>
  );
}

function Buttons({ map }: { map: LibreMap }) {
  const follow = settings.value.follow;
  const toMe = (): void => {
    const place = me.value;
    if (place.is !== "at") locate();
    else {
      change({ follow: false });
      map.easeTo({ center: [place.lon, place.lat], zoom: Math.max(map.getZoom(), 15), duration: reducedMotion() ? 0 : 800 });
    }
  };
  const lift = { transform: `translateY(${-sheetPx.value}px)` };
  return (
    <div class="float" style={lift}>
      <div class="stack" hidden={height.value === "half" && windowPx.value < SHORT_PX}>
        {Math.abs(bearing.value) > 1 && (
          <button type="button" class="round" aria-label="正北 North up" onClick={() => map.easeTo({ bearing: 0, pitch: 0 })}>
            <Icon name="north" turn={-bearing.value} />
          </button>
        )}
        <button type="button" class="round" aria-label="图层 Layers" data-testid="layers" onClick={() => show("layers", "half")}>
          <Icon name="layers" />
        </button>
        <button type="button" class="round" aria-label="我的位置 My place" data-testid="locate" onClick={toMe}>
          <Icon name="locate" />
        </button>
      </div>
      <div class="line">
        <button
          type="button"
          class={`pill ${follow || leading.value ? "on" : ""}`}
          data-testid="follow"
          aria-pressed={follow}
          onClick={() => change({ follow: !follow })}
        >
          <Icon name="follow" size={22} />
          <T w={leading.value ? ["主导中", "Leading"] : follow ? ["跟随中", "Following"] : ["跟随", "Follow"]} />
        </button>
        <button type="button" class="pill call" data-testid="report" onClick={() => show("report", "half")}>
          <Icon name="plus" size={22} />
          <T w={["上报", "Report"]} />
        </button>
      </div>
    </div>
  );
}
