/** Reports that the hub has not accepted yet: kept on the phone, sent again under the same id, never shown as accepted before. */

import { signal } from "@preact/signals";
import type { Outcome, Report } from "../protocol";
import { live, send, whenLive } from "../session";
import { store, stored } from "../settings";

export interface Draft {
  /** The command's id; the report has its own. */
  id: string;
  report: Report;
  /** Set when the hub refused it; the person mends or deletes it. */
  refused?: { zh: string; en: string };
}

const KEY = "yiping.outbox";
/** A day of a busy worker; beyond it a new report is refused, nothing old is thrown away. */
const DRAFTS_MAX = 50;

/** How long the notice of an accepted report stands. */
const NOTICE_MS = 10_000;

export const drafts = signal<readonly Draft[]>(stored<{ drafts: Draft[] }>(KEY).drafts ?? []);
/** Last report the hub accepted, for the notice. */
export const accepted = signal<{ report: Report; revision: number } | null>(null);

function keep(list: readonly Draft[]): boolean {
  drafts.value = list;
  return store(KEY, { drafts: list });
}

/** False when the outbox is full. */
export function submit(draft: Draft): boolean {
  if (drafts.value.length >= DRAFTS_MAX) return false;
  keep([...drafts.value.filter((d) => d.id !== draft.id), draft]);
  if (live.value) post(draft);
  return true;
}

export const discard = (id: string): void => {
  keep(drafts.value.filter((d) => d.id !== id));
};

function post(draft: Draft): void {
  send({ do: "report", report: draft.report }, draft.id, (outcome) => settle(draft, outcome));
}

function settle(draft: Draft, outcome: Outcome): void {
  if (outcome.outcome === "accepted") {
    discard(draft.id);
    const notice = { report: draft.report, revision: outcome.revision };
    accepted.value = notice;
    setTimeout(() => {
      if (accepted.value === notice) accepted.value = null;
    }, NOTICE_MS);
  } else {
    const refused =
      outcome.outcome === "rejected"
        ? { zh: outcome.rule_zh, en: outcome.rule }
        : { zh: "编号已被占用", en: "This report's id is already taken" };
    keep(drafts.value.map((d) => (d.id === draft.id ? { ...d, refused } : d)));
  }
}

whenLive(() => {
  for (const draft of drafts.value) if (!draft.refused) post(draft);
});
