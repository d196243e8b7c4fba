/** The short list a field worker picks from; paths are those of the city's category trees (`assets/categories/`). */

import type { Words } from "../i18n";
import type { Domain, Severity } from "../protocol";

export interface Category {
  path: string;
  words: Words;
  /** What it usually is; the person can change it. */
  severity: Severity;
}

const of = (path: string, zh: string, en: string, severity: Severity): Category => ({ path, words: [zh, en], severity });

export const CATEGORIES: Record<Domain, readonly Category[]> = {
  public_order: [
    of("public_order/dispute/neighbour", "邻里纠纷", "Dispute", "minor"),
    of("public_order/crowd/gathering", "人员聚集", "Crowd", "major"),
    of("public_order/theft/vehicle", "盗窃", "Theft", "minor"),
    of("public_order/person/missing", "走失人员", "Missing person", "major"),
  ],
  urban_management: [
    of("urban_management/street_order/stall", "占道经营", "Street stall", "info"),
    of("urban_management/facility/manhole", "井盖缺损", "Manhole cover", "major"),
    of("urban_management/environment/waste", "垃圾堆放", "Waste", "minor"),
    of("urban_management/facility/lamp", "路灯故障", "Street lamp", "info"),
  ],
  emergency: [
    of("emergency/fire/building", "火情", "Fire", "critical"),
    of("emergency/flood/waterlogging", "积水内涝", "Flooding", "major"),
    of("emergency/medical/injury", "伤病", "Medical", "critical"),
    of("emergency/hazard/gas", "燃气泄漏", "Gas leak", "critical"),
  ],
  traffic: [
    of("traffic/accident/collision", "交通事故", "Collision", "major"),
    of("traffic/congestion/jam", "拥堵", "Congestion", "minor"),
    of("traffic/facility/signal", "信号灯故障", "Signal fault", "major"),
    of("traffic/parking/illegal", "违停", "Illegal parking", "info"),
  ],
};
