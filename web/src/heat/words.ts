/** What legend and card say; pure. */

import type { Words } from "../i18n";
import type { HeatConfig, HeatMethod } from "../protocol";
import type { RollCall } from "./roll-call";

export const METHOD: Record<HeatMethod, Words> = {
  idw: ["反距离加权", "inverse distance"],
  kriging: ["普通克里金", "ordinary kriging"],
  density: ["核密度", "kernel density"],
  areas: ["分区统计", "by area"],
  hexagons: ["六边形统计", "by hexagon"],
};

/** In the room of a narrow legend. */
export const METHOD_SHORT: Record<HeatMethod, Words> = {
  idw: ["反距离", "IDW"],
  kriging: ["克里金", "kriging"],
  density: ["核密度", "density"],
  areas: ["分区", "by area"],
  hexagons: ["六边形", "hexagons"],
};

const LEFT_OUT = [
  ["flagged", "存疑", "flagged"],
  ["stale", "过时", "stale"],
  ["silent", "无数据", "silent"],
  ["scarce", "数据不足", "not enough data"],
] as const;

export const leftOut = (r: RollCall): number => r.flagged + r.stale + r.silent + r.scarce;

/** Who was left out, by reason: `2 存疑 · 3 无数据`. */
export function leftOutWords(r: RollCall): Words {
  const parts = LEFT_OUT.filter(([why]) => r[why] > 0);
  return [parts.map(([why, zh]) => `${r[why]} ${zh}`).join(" · "), parts.map(([why, , en]) => `${r[why]} ${en}`).join(" · ")];
}

/** `36 站` or `12 起`. */
export const sourceWords = (heat: HeatConfig, r: RollCall): Words =>
  heat.incidents ? [`${r.present} 起`, `n ${r.present}`] : [`${r.present} 站`, `n ${r.present}`];

/** A reading: one digit after the point, none from 100 on. */
export const reading = (value: number): string => value.toFixed(Math.abs(value) >= 100 ? 0 : 1);

/** At most one digit after the point, none from 100 on. */
export const written = (value: number): string => value.toFixed(Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 1);

export const far = (m: number): string => (m < 1_000 ? `${m.toFixed(0)} m` : `${(m / 1_000).toFixed(1)} km`);
