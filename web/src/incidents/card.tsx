/** One incident: what, where, since when, and the next moves under the thumb. */

import { useState } from "preact/hooks";
import { hhmm } from "../clock";
import { DOMAIN, one, SEVERITY, STATE, T, titleOf, type Words } from "../i18n";
import { areaFull } from "../map/areas";
import type { Action, Incident, Outcome } from "../protocol";
import { act, answers, instant, live, pendingFor, replaying, units } from "../session";
import { settings } from "../settings";
import { Icon, Shape } from "../sheet/shape";
import { select } from "../view/chosen";
import { Due } from "./list";
import { type Move, moves, wordsOf } from "./moves";
import { age } from "./order";

export function Card({ incident: i }: { incident: Incident }) {
  const ago = age(Date.parse(i.reported_at), instant.value);
  const unit = i.unit ? (units.value.get(i.unit)?.call_sign ?? i.unit) : null;
  return (
    <article class="card" data-testid="card" data-incident={i.id} data-version={i.version}>
      <header>
        <button type="button" class="icon" aria-label="返回 Back" data-testid="back" onClick={() => select(null)}>
          <Icon name="back" />
        </button>
        <Shape severity={i.severity} hollow={i.acknowledged !== null} size={30} />
        <h2>
          <T w={titleOf(i)} />
        </h2>
        <Due incident={i} />
      </header>
      <p class="facts">
        <b>
          <T w={STATE[i.state]} inline />
        </b>
        <span>{one(SEVERITY[i.severity])}</span>
        <span>{one(DOMAIN[i.domain])}</span>
      </p>
      <Moves key={i.id} incident={i} />
      {i.description && <p class="description">{i.description}</p>}
      <dl>
        {i.area && <Fact w={["地点", "Place"]}>{one(areaFull(i.area))}</Fact>}
        <Fact w={["上报", "Reported"]}>
          {hhmm(i.reported_at)} · {one(ago)}
        </Fact>
        {i.due_at && <Fact w={["时限", "Due"]}>{hhmm(i.due_at)}</Fact>}
        <Fact w={["确认", "Acknowledged"]}>
          {i.acknowledged ? `${i.acknowledged.actor} · ${hhmm(i.acknowledged.at)}` : one(["尚未", "not yet"])}
        </Fact>
        {unit && <Fact w={["力量", "Unit"]}>{unit}</Fact>}
        {i.extensions > 0 && <Fact w={["延期", "Extended"]}>{i.extensions}×</Fact>}
        {i.bounces > 0 && <Fact w={["退回", "Sent back"]}>{i.bounces}×</Fact>}
        <Fact w={["编号", "Number"]}>
          {i.id} · v{i.version}
        </Fact>
      </dl>
    </article>
  );
}

function Fact({ w, children }: { w: Words; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>
        <T w={w} inline />
      </dt>
      <dd>{children}</dd>
    </div>
  );
}

function Moves({ incident: i }: { incident: Incident }) {
  const [asked, ask] = useState<Move | null>(null);
  const waits = pendingFor(i.id);
  const answer = answers.value.get(i.id);
  const all = moves(i, settings.value.role);
  const press = (move: Move): void => {
    if (move.needs) ask(move);
    else act(i, { action: move.name } as Action, null);
  };
  if (waits?.command.do === "incident") {
    return (
      <p class="answer pending" role="status" data-testid="outcome" data-outcome="pending">
        <i class="spinner" />
        <T w={[`${wordsOf(waits.command.action.action)[0]}：等待中枢回复…`, "Waiting for the hub's answer…"]} />
      </p>
    );
  }
  if (replaying.value) {
    return (
      <p class="answer warn" data-testid="replay-no-moves">
        <T w={["回放中：回到在线后才能办理", "Replay: go back to live to act"]} />
      </p>
    );
  }
  if (asked) return <Ask move={asked} incident={i} done={() => ask(null)} />;
  const onward = all.filter((m) => !m.aside);
  const aside = all.filter((m) => m.aside);
  return (
    <>
      {answer && <Answered action={answer.action} outcome={answer.outcome} />}
      {!live.value && all.length > 0 && (
        <p class="answer warn">
          <T w={["离线：恢复连接后才能办理", "Offline: moves need the hub"]} />
        </p>
      )}
      <div class="moves">
        {onward.map((move, n) => (
          <button
            key={move.name}
            type="button"
            class={n === 0 ? "primary" : "secondary"}
            data-testid={move.name}
            disabled={!live.value}
            onClick={() => press(move)}
          >
            <T w={move.words} />
          </button>
        ))}
      </div>
      {aside.length > 0 && (
        <div class="moves aside">
          {aside.map((move) => (
            <button key={move.name} type="button" class="quiet" data-testid={move.name} disabled={!live.value} onClick={() => press(move)}>
              <T w={move.words} inline />
            </button>
          ))}
        </div>
      )}
    </>
  );
}

function Answered({ action, outcome }: { action: string; outcome: Outcome }) {
  const revision = outcome.outcome === "accepted" ? outcome.revision : undefined;
  const tone = outcome.outcome === "accepted" ? "good" : "warn";
  return (
    <p class={`answer ${tone}`} role="status" data-testid="outcome" data-outcome={outcome.outcome} data-revision={revision}>
      <T w={said(action, outcome)} />
    </p>
  );
}

function said(action: string, outcome: Outcome): Words {
  const [zh, en] = wordsOf(action);
  switch (outcome.outcome) {
    case "accepted":
      return [`${zh}成功 · r${outcome.revision}`, `${en}: done`];
    case "conflict":
      return [`他人已先更新为“${STATE[outcome.current.state][0]}”，请重新决定`, "Somebody was first: look and decide again"];
    case "rejected":
      return [outcome.rule_zh || outcome.rule, outcome.rule];
  }
}

/** What a move needs: a reason, a unit, a score. */
function Ask({ move, incident: i, done }: { move: Move; incident: Incident; done: () => void }) {
  const [text, setText] = useState("");
  const go = (action: Action, reason: string | null): void => {
    act(i, action, reason);
    done();
  };
  return (
    <div class="ask">
      <h3>
        <T w={move.words} inline />
      </h3>
      {move.needs === "unit" && <UnitChoice incident={i} choose={(unit) => go({ action: "dispatch", unit }, null)} />}
      {move.needs === "score" && (
        <div class="chips">
          {[1, 2, 3, 4, 5].map((score) => (
            <button key={score} type="button" onClick={() => go({ action: "evaluate", score }, null)}>
              {score}
            </button>
          ))}
        </div>
      )}
      {move.needs === "reason" && (
        <>
          <textarea
            rows={2}
            maxLength={200}
            placeholder={one(["原因（必填）", "Reason (required)"])}
            value={text}
            onInput={(e) => setText(e.currentTarget.value)}
          />
          <button
            type="button"
            class="primary"
            disabled={text.trim() === "" || !live.value}
            onClick={() => go({ action: move.name } as Action, text.trim())}
          >
            <T w={move.words} />
          </button>
        </>
      )}
      <button type="button" class="quiet" onClick={done}>
        <T w={["取消", "Cancel"]} inline />
      </button>
    </div>
  );
}

/** Free units offered, nearest first. */
const UNITS_OFFERED = 6;

function UnitChoice({ incident: i, choose }: { incident: Incident; choose: (unit: string) => void }) {
  const scale = Math.cos((i.lat * Math.PI) / 180);
  const far = (u: { lon: number; lat: number }): number => Math.hypot((u.lon - i.lon) * scale, u.lat - i.lat) * 111_320;
  const near = [...units.value.values()]
    .filter((u) => u.state === "available")
    .sort((a, b) => far(a) - far(b))
    .slice(0, UNITS_OFFERED);
  if (near.length === 0) return <p class="note">没有待命力量 No unit is available</p>;
  return (
    <div class="chips">
      {near.map((u) => (
        <button key={u.id} type="button" onClick={() => choose(u.id)}>
          <b>{u.call_sign}</b> {(far(u) / 1000).toFixed(1)} km
        </button>
      ))}
    </div>
  );
}
