/** Which moves a person sees for a state and a role, after `src/model/lifecycle.rs`. The hub decides; this only keeps useless buttons away. */

import type { Words } from "../i18n";
import { type Action, ENDED, type Incident, type IncidentState, type Role } from "../protocol";

export type MoveName = Action["action"];

export interface Move {
  name: MoveName;
  words: Words;
  /** What the person must give with it. */
  needs?: "reason" | "unit" | "score" | "due" | "original";
  /** Not the way forward: shown small, after the others. */
  aside?: boolean;
  roles: readonly Role[];
}

const FIELD: readonly Role[] = ["field", "officer"];
const OFFICER: readonly Role[] = ["officer"];

const MOVES: Partial<Record<MoveName, Move>> = {
  acknowledge: { name: "acknowledge", words: ["确认", "Acknowledge"], roles: FIELD },
  verify: { name: "verify", words: ["核实", "Verify"], roles: FIELD },
  accept: { name: "accept", words: ["受理", "Accept"], roles: OFFICER },
  register: { name: "register", words: ["立案", "Register"], roles: OFFICER },
  dispatch: { name: "dispatch", words: ["派遣", "Dispatch"], needs: "unit", roles: OFFICER },
  sign: { name: "sign", words: ["签收", "Sign for it"], roles: FIELD },
  return: { name: "return", words: ["退回", "Send back"], needs: "reason", aside: true, roles: FIELD },
  arrive: { name: "arrive", words: ["到场", "Arrived"], roles: FIELD },
  finish: { name: "finish", words: ["办结反馈", "Done"], roles: FIELD },
  check: { name: "check", words: ["核查", "Check"], roles: FIELD },
  rework: { name: "rework", words: ["返工", "Rework"], needs: "reason", aside: true, roles: OFFICER },
  close: { name: "close", words: ["结案", "Close"], roles: OFFICER },
  evaluate: { name: "evaluate", words: ["评价", "Evaluate"], needs: "score", roles: OFFICER },
  reopen: { name: "reopen", words: ["重开", "Reopen"], needs: "reason", aside: true, roles: OFFICER },
  hold: { name: "hold", words: ["挂账", "Hold"], needs: "reason", aside: true, roles: OFFICER },
  resume: { name: "resume", words: ["恢复", "Resume"], roles: OFFICER },
  void: { name: "void", words: ["作废", "Void"], needs: "reason", aside: true, roles: OFFICER },
};

/** The way on from each state, then the ways aside. */
export const FROM: Record<IncidentState, readonly MoveName[]> = {
  reported: ["verify", "accept", "void"],
  verifying: ["accept", "void"],
  accepted: ["dispatch", "register", "void"],
  registered: ["dispatch", "hold", "void"],
  dispatched: ["sign", "return"],
  en_route: ["arrive", "return"],
  handling: ["finish", "hold", "return"],
  handled: ["check", "rework"],
  checking: ["close", "rework"],
  closed: ["evaluate", "reopen"],
  evaluated: ["reopen"],
  duplicate: ["reopen"],
  void: ["reopen"],
};

export function moves(i: Incident, role: Role): Move[] {
  const names: MoveName[] = [];
  if (!i.acknowledged && !ENDED.has(i.state)) names.push("acknowledge");
  if (i.held) names.push("resume");
  else names.push(...FROM[i.state]);
  return names.flatMap((name) => {
    const move = MOVES[name];
    return move?.roles.includes(role) ? [move] : [];
  });
}

export const wordsOf = (name: string): Words => MOVES[name as MoveName]?.words ?? [name, name];
