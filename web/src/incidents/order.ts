/** Which incidents are shown, in which order, and what their clocks say. */

import { ENDED, type Incident, type Severity } from "../protocol";

export const SEVERITIES: readonly Severity[] = ["critical", "major", "minor", "info"];
export const rank = (s: Severity): number => SEVERITIES.indexOf(s);

/** Open incidents, worst first, then oldest first. */
export function open(incidents: Iterable<Incident>): Incident[] {
  return [...incidents]
    .filter((i) => !ENDED.has(i.state))
    .sort(
      (a, b) =>
        rank(a.severity) - rank(b.severity) ||
        Date.parse(a.reported_at) - Date.parse(b.reported_at) ||
        (a.id < b.id ? -1 : 1),
    );
}

/** Time used of the limit, 0 to 1, more than 1 when over; `null` without a limit or while held. */
export function used(i: Incident, nowMs: number): number | null {
  if (!i.due_at || i.held) return null;
  const from = Date.parse(i.reported_at);
  const length = Date.parse(i.due_at) - from;
  return length > 0 ? (nowMs - from) / length : 1.001;
}

/** Signed seconds to the limit: negative when over. Handled incidents no longer count down. */
export function dueS(i: Incident, nowMs: number): number | null {
  if (!i.due_at || i.held || i.state === "handled" || i.state === "checking" || ENDED.has(i.state)) return null;
  return Math.round((Date.parse(i.due_at) - nowMs) / 1000);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `4:05` minutes and seconds below an hour, `3h 20m`, `2d 4h`. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(Math.abs(seconds)));
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}

/** Age in the largest whole unit, in both languages. */
export function age(fromMs: number, nowMs: number): readonly [string, string] {
  const m = Math.max(0, Math.floor((nowMs - fromMs) / 60_000));
  if (m < 1) return ["刚刚", "now"];
  if (m < 60) return [`${m} 分钟前`, `${m} min ago`];
  if (m < 1440) return [`${Math.floor(m / 60)} 小时前`, `${Math.floor(m / 60)} h ago`];
  return [`${Math.floor(m / 1440)} 天前`, `${Math.floor(m / 1440)} d ago`];
}

/** The same in the room of a row: `14分`, `14m`. */
export function ageShort(fromMs: number, nowMs: number): readonly [string, string] {
  const m = Math.max(0, Math.floor((nowMs - fromMs) / 60_000));
  if (m < 60) return [`${m}分`, `${m}m`];
  if (m < 1440) return [`${Math.floor(m / 60)}时`, `${Math.floor(m / 60)}h`];
  return [`${Math.floor(m / 1440)}天`, `${Math.floor(m / 1440)}d`];
}
