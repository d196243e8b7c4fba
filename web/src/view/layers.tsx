/** Layers, tour and lead: what the picture shows and who moves it. */

import { T, type Words } from "../i18n";
import { LAYER_GROUPS } from "../map/style";
import { leading, mayLead, scene, takeLead, view } from "../session";
import { Icon } from "../sheet/shape";
import { moveTour, touring } from "../tour/band";
import { isShown, show, toggle } from "./chosen";

const WORDS: Record<string, Words> = {
  incidents: ["事件", "Incidents"],
  alerts: ["预警", "Warnings"],
  units: ["力量", "Units"],
  marathon: ["赛道", "Course"],
  buildings: ["建筑", "Buildings"],
  areas: ["辖区", "Districts"],
  labels: ["地名", "Names"],
};

export function Layers() {
  const heats = scene.value?.heat ?? [];
  const tour = scene.value?.tour;
  return (
    <section class="panel" data-testid="layers-panel">
      <header>
        <h2>
          <T w={["图层", "Layers"]} inline />
        </h2>
        <button type="button" class="icon" aria-label="关闭 Close" onClick={() => show("list", "peek")}>
          <Icon name="close" />
        </button>
      </header>
      <div class="switches">
        {heats.map((h) => (
          <Switch key={h.id} id={h.id} w={[h.name, h.name_en]} />
        ))}
        {Object.keys(LAYER_GROUPS).map((id) => (
          <Switch key={id} id={id} w={WORDS[id] ?? [id, ""]} />
        ))}
      </div>
      {mayLead.value && (
        <div class="moves">
          <button type="button" class={leading.value ? "primary" : "secondary"} data-testid="lead" disabled={leading.value} onClick={() => takeLead()}>
            <T w={leading.value ? ["本机主导中", "This phone leads"] : ["主导画面", "Take the lead"]} />
          </button>
          {tour && !touring.value && (
            <button type="button" class="secondary" data-testid="tour-start" onClick={() => moveTour({ move: "play" })}>
              <T w={["开始巡演", "Start the tour"]} />
            </button>
          )}
        </div>
      )}
      {!leading.value && view.value?.leader && (
        <p class="note">
          <T w={[`主导：${view.value.leader}`, ""]} inline />
        </p>
      )}
    </section>
  );
}

function Switch({ id, w }: { id: string; w: Words }) {
  const on = isShown(id);
  return (
    <button type="button" class="switch" role="switch" aria-checked={on} data-testid={`layer-${id}`} onClick={() => toggle(id)}>
      <T w={w} />
      <i />
    </button>
  );
}
