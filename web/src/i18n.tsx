/** Words in both languages and how they are set: Chinese first, English small under or beside it. */

import { settings } from "./settings";
import type { Domain, Incident, IncidentState, Role, Severity, Unit } from "./protocol";

export type Words = readonly [zh: string, en: string];

/** One text in the chosen language, or both; `inline` sets English beside Chinese. */
export function T({ w, inline = false }: { w: Words; inline?: boolean }) {
  const { lang } = settings.value;
  const [zh, en] = w;
  if (lang === "zh" || en === "") return <span lang="zh">{zh}</span>;
  if (lang === "en" || zh === "") return <span lang="en">{en}</span>;
  return (
    <span class={inline ? "words inline" : "words"}>
      <span lang="zh">{zh}</span>
      <span lang="en">{en}</span>
    </span>
  );
}

/** Only one language where there is no room for two: Chinese unless English was chosen. */
export const one = ([zh, en]: Words): string => (settings.value.lang === "en" ? en || zh : zh || en);

/** For screen readers. */
export const spoken = ([zh, en]: Words): string => `${zh} ${en}`;

export const STATE: Record<IncidentState, Words> = {
  reported: ["上报", "Reported"],
  verifying: ["核实", "Verifying"],
  accepted: ["受理", "Accepted"],
  registered: ["立案", "Registered"],
  dispatched: ["派遣", "Dispatched"],
  en_route: ["签收", "En route"],
  handling: ["处置", "Handling"],
  handled: ["反馈", "Handled"],
  checking: ["核查", "Checking"],
  closed: ["结案", "Closed"],
  evaluated: ["评价", "Evaluated"],
  duplicate: ["重复", "Duplicate"],
  void: ["作废", "Void"],
};

export const SEVERITY: Record<Severity, Words> = {
  critical: ["特急", "Critical"],
  major: ["紧急", "Major"],
  minor: ["一般", "Minor"],
  info: ["提示", "Info"],
};

export const DOMAIN: Record<Domain, Words> = {
  public_order: ["综治", "Public order"],
  urban_management: ["城管", "Urban mgmt"],
  emergency: ["应急", "Emergency"],
  traffic: ["交通", "Traffic"],
};

export const ROLE: Record<Role, Words> = {
  viewer: ["查看", "Viewer"],
  field: ["现场", "Field"],
  officer: ["值班", "Officer"],
  presenter: ["讲解", "Presenter"],
};

export const UNIT_STATE: Record<Unit["state"], Words> = {
  available: ["待命", "Available"],
  en_route: ["途中", "En route"],
  on_scene: ["现场", "On scene"],
  off_duty: ["离岗", "Off duty"],
};

export const titleOf = (i: Incident): Words => [i.title, i.title_en];
