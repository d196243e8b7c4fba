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
    of("public_order/dispute/neighbours", "邻里纠纷", "Dispute", "minor"),
    of("public_order/security/fight", "打架斗殴", "Fight", "major"),
    of("public_order/people/lost", "人员走失", "Missing person", "major"),
    of("public_order/crowd/gathering", "群体聚集", "Gathering", "major"),
  ],
  urban_management: [
    of("urban_management/sudden/flooding", "道路积水", "Flooded road", "major"),
    of("urban_management/public_utility/manhole", "井盖缺损", "Manhole cover", "major"),
    of("urban_management/appearance/rubbish", "暴露垃圾", "Rubbish", "minor"),
    of("urban_management/street_order/stall", "游商占道", "Street stall", "info"),
  ],
  emergency: [
    of("emergency/accident/fire", "火灾", "Fire", "critical"),
    of("emergency/public_health/medical", "医疗急救", "Medical", "critical"),
    of("emergency/accident/gas", "燃气事故", "Gas", "critical"),
    of("emergency/natural_disaster/flood", "洪涝", "Flood", "major"),
  ],
  traffic: [
    of("traffic/accident/collision", "车辆碰撞", "Collision", "major"),
    of("traffic/accident/injury", "伤人事故", "Injury", "critical"),
    of("traffic/congestion/jam", "道路拥堵", "Jam", "minor"),
    of("traffic/facility/signal", "信号灯故障", "Signal failure", "major"),
  ],
};
