import { render } from "preact";
import { App } from "./app";
import { followMeans } from "./heat/means";
import { followSeries } from "./heat/series";
import { watchHeat } from "./heat/shown";
import "./look.css";
import { createMap, settled } from "./map/map";
import { showMe } from "./map/me";
import { aim } from "./report/form";
import { start } from "./session";
import { follow } from "./view/follow";
import { followThePast } from "./view/replay";

const find = (id: string): HTMLElement => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
};

const map = createMap(find("map"));
map.on("load", () => {
  follow(map);
  aim(map);
  showMe(map);
});
render(<App map={map} />, find("app"));
start();
followThePast();
watchHeat();
followSeries();
followMeans();
// For tests and pictures: `<html data-settled>` once the map has drawn everything it has.
settled.subscribe((is) => document.documentElement.toggleAttribute("data-settled", is));

// Opens without a network after the first visit; browsers allow it on https and on this machine only.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("./sw.js").catch((error: unknown) => console.warn("no offline copy of the app:", error));
}
