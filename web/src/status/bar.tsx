/** The line at the top: is this live, which revision, who am I. */

import { hhmm } from "../clock";
import { one, ROLE, T, type Words } from "../i18n";
import { connection, farewell } from "../link";
import { missing } from "../map/base";
import { accepted } from "../report/outbox";
import { city, introduce, leading } from "../session";
import { actor, settings } from "../settings";
import { Icon } from "../sheet/shape";
import { show } from "../view/chosen";

function words(): Words {
  const c = connection.value;
  switch (c.is) {
    case "connecting":
      return ["连接中", "Connecting"];
    case "live":
      return ["在线", "Live"];
    case "reconnecting":
      return ["重连中", "Reconnecting"];
    case "offline":
      return [`离线 ${hhmm(c.sinceMs)} 起`, `Offline since ${hhmm(c.sinceMs)}`];
  }
}

export function StatusBar() {
  const { revision } = city.value;
  const s = settings.value;
  return (
    <header class="status" data-testid="connection" data-state={connection.value.is}>
      <i class={`lamp ${connection.value.is}`} />
      <b>
        {connection.value.is === "live" || connection.value.is === "connecting" ? <T w={words()} inline /> : one(words())}
      </b>
      <span id="revision" class="revision" data-testid="revision" data-revision={revision ?? ""}>
        {revision === null ? "r–" : `r${revision}`}
      </span>
      <span class="gap" />
      <span class={`who ${leading.value ? "leads" : ""}`}>
        {leading.value ? one(["主导", "Leads"]) : one(ROLE[s.role])} · {actor(s)}
      </span>
      <button type="button" class="icon" aria-label="设置 Settings" data-testid="settings" onClick={() => show("settings", "full")}>
        <Icon name="settings" />
      </button>
    </header>
  );
}

/** Quiet notes under the bar: old data, missing files, a report that arrived. */
export function Notes() {
  const c = connection.value;
  const old = c.is === "offline" || c.is === "reconnecting";
  return (
    <>
      {farewell.value && c.is !== "live" && (
        <button type="button" class="notice warn" data-testid="farewell" onClick={introduce}>
          <T w={[`中枢断开：${farewell.value} · 点按重连`, ""]} />
        </button>
      )}
      {old && city.value.revision !== null && (
        <p class="notice warn" data-testid="stale">
          <T w={[`数据截至 ${hhmm(city.value.time)}`, `data as of ${hhmm(city.value.time)}`]} inline />
        </p>
      )}
      {missing.value.length > 0 && (
        <p class="notice" data-testid="missing">
          <T w={[`底图缺：${missing.value.map((w) => w[0]).join("、")}`, ""]} inline />
        </p>
      )}
      {accepted.value && (
        <p class="notice good" role="status" data-testid="report-accepted" data-revision={accepted.value.revision}>
          <T w={[`已上报：${accepted.value.report.title} · r${accepted.value.revision}`, ""]} inline />
        </p>
      )}
    </>
  );
}
