/** The incident list: worst first, a thumb's height each. */

import { computed } from "@preact/signals";
import { Alerts } from "../alerts/list";
import { one, STATE, T, titleOf } from "../i18n";
import { areaShort } from "../map/areas";
import { type Draft, discard, drafts } from "../report/outbox";
import type { Incident } from "../protocol";
import { city, incidents, instant, live, pending } from "../session";
import { Shape } from "../sheet/shape";
import { goTo, height } from "../view/chosen";
import { ageShort, dueS, open, span } from "./order";

/** More rows than this nobody scrolls through with a thumb; the rest is counted. */
const ROWS_MAX = 200;

export const openIncidents = computed(() => open(incidents.value.values()));

export function List() {
  const list = openIncidents.value;
  const more = list.length - ROWS_MAX;
  return (
    <>
      <Summary list={list} />
      <Alerts />
      {drafts.value.length > 0 && (
        <ul class="rows drafts">
          {drafts.value.map((d) => (
            <DraftRow key={d.id} draft={d} />
          ))}
        </ul>
      )}
      {list.length === 0 && <Nothing />}
      <ul class="rows" data-testid="incidents">
        {list.slice(0, ROWS_MAX).map((i) => (
          <Row key={i.id} incident={i} />
        ))}
      </ul>
      {more > 0 && (
        <p class="note">
          <T w={[`另有 ${more} 件未列出`, `${more} more are not listed`]} />
        </p>
      )}
    </>
  );
}

function Summary({ list }: { list: Incident[] }) {
  const fresh = list.filter((i) => !i.acknowledged).length;
  const over = list.filter((i) => (dueS(i, instant.value) ?? 0) < 0).length;
  return (
    <header class="summary" onClick={() => (height.value = height.value === "peek" ? "half" : height.value)}>
      <Figure n={list.length} w={["未结", "open"]} />
      <Figure n={fresh} w={["待确认", "new"]} strong={fresh > 0} />
      <Figure n={over} w={["超时", "late"]} over={over > 0} />
    </header>
  );
}

function Figure({ n, w, strong, over }: { n: number; w: readonly [string, string]; strong?: boolean; over?: boolean }) {
  return (
    <span class={`figure ${strong ? "strong" : ""} ${over ? "over" : ""}`}>
      <b>{n}</b> <T w={w} inline />
    </span>
  );
}

function Nothing() {
  return (
    <p class="note">
      {city.value.revision === null ? (
        <T w={["正在连接中枢…", "Connecting to the hub…"]} />
      ) : (
        <T w={["没有未结事件", "No open incidents"]} />
      )}
    </p>
  );
}

export function Due({ incident }: { incident: Incident }) {
  if (incident.held) return <span class="due quiet">挂账</span>;
  const s = dueS(incident, instant.value);
  if (s === null) return null;
  return (
    <span class={`due ${s < 0 ? "over" : s < 600 ? "soon" : ""}`}>
      <small>{s < 0 ? "超" : "剩"}</small>
      {span(s)}
    </span>
  );
}

function Row({ incident: i }: { incident: Incident }) {
  const waits = [...pending.value.values()].some((p) => p.command.do === "incident" && p.command.incident === i.id);
  const old = ageShort(Date.parse(i.reported_at), instant.value);
  return (
    <li>
      <button type="button" class={`row ${i.acknowledged ? "known" : "fresh"}`} data-testid={`incident-${i.id}`} onClick={() => goTo(i)}>
        <Shape severity={i.severity} hollow={i.acknowledged !== null} />
        <span class="what">
          <T w={titleOf(i)} />
          <span class="meta">
            <b>{waits ? <T w={["待回复", "pending"]} inline /> : <T w={STATE[i.state]} inline />}</b>
            <span>{one(old)}</span>
            {i.area && <span class="where">{one(areaShort(i.area))}</span>}
          </span>
        </span>
        <Due incident={i} />
      </button>
    </li>
  );
}

function DraftRow({ draft }: { draft: Draft }) {
  const { report, refused } = draft;
  return (
    <li class="row draft" data-testid={`draft-${report.id}`}>
      <Shape severity={report.severity} hollow />
      <span class="what">
        <T w={[report.title, report.title_en]} />
        <span class="meta">
          <b>
            {refused ? (
              <T w={[`未受理：${refused.zh}`, `Refused: ${refused.en}`]} />
            ) : live.value ? (
              <T w={["发送中…", "Sending…"]} inline />
            ) : (
              <T w={["未发送", "draft, not sent"]} inline />
            )}
          </b>
        </span>
      </span>
      {(refused || !live.value) && (
        <button type="button" class="small" onClick={() => discard(draft.id)}>
          <T w={["删除", "Delete"]} />
        </button>
      )}
    </li>
  );
}
