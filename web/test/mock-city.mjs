// A made-up district for the tests: streets, blocks, a river, sensors, incidents. Same every time (seeded).

export const CENTRE = { lon: 118.2757, lat: 33.9631 };
const M_LAT = 1 / 111_320;
const M_LON = M_LAT / Math.cos((CENTRE.lat * Math.PI) / 180);

export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Metres east and north of the centre to [lon, lat]. */
export const at = (x, y) => [+(CENTRE.lon + x * M_LON).toFixed(7), +(CENTRE.lat + y * M_LAT).toFixed(7)];

const polygon = (points, properties) => ({
  type: "Feature",
  properties,
  geometry: { type: "Polygon", coordinates: [[...points, points[0]].map(([x, y]) => at(x, y))] },
});
const box = (x0, y0, x1, y1, properties) => polygon([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], properties);
const collection = (features) => ({ type: "FeatureCollection", features });

const HALF = 3000;
const BLOCK = 250;
const riverX = (y) => 900 + 350 * Math.sin(y / 1300);
const inRiver = (x, y) => Math.abs(x - riverX(y)) < 120;

export function ground() {
  const features = [];
  const bank = (dx) => Array.from({ length: 41 }, (_, i) => [riverX(-HALF + i * 150) + dx, -HALF + i * 150]);
  features.push(polygon([...bank(-95), ...bank(95).reverse()], { kind: "water" }));
  features.push(box(-1480, 270, -770, 730, { kind: "green" }), box(1520, -980, 1980, -270, { kind: "green" }));
  for (let i = -12; i <= 12; i += 1) {
    const w = i % 4 === 0 ? 14 : 5;
    features.push(box(i * BLOCK - w, -HALF, i * BLOCK + w, HALF, { kind: "road" }));
    features.push(box(-HALF, i * BLOCK - w, HALF, i * BLOCK + w, { kind: i % 4 === 0 ? "bridge" : "road" }));
  }
  return collection(features);
}

export function footprints() {
  const r = random(7);
  const features = [];
  for (let bx = -12; bx < 12; bx += 1) {
    for (let by = -12; by < 12; by += 1) {
      const centre = Math.exp(-Math.hypot(bx, by) / 5);
      const green = (bx >= -6 && bx < -3 && by >= 1 && by < 3) || (bx >= 6 && bx < 8 && by >= -4 && by < -1);
      if (green) continue;
      const n = r() < centre ? 3 : 4;
      const step = (BLOCK - 40) / n;
      for (let i = 0; i < n * n; i += 1) {
        if (r() < 0.16) continue;
        const x = bx * BLOCK + 20 + (i % n) * step + 4;
        const y = by * BLOCK + 20 + Math.floor(i / n) * step + 4;
        const [w, d] = [step * (0.5 + 0.35 * r()), step * (0.35 + 0.4 * r())];
        if (inRiver(x, y) || inRiver(x + w, y + d)) continue;
        const height_m = Math.round(6 + 14 * r() + (r() < centre ? 30 + 70 * r() : 0));
        features.push(box(x, y, x + w, y + d, { id: `b${features.length}`, height_m }));
      }
    }
  }
  return collection(features);
}

export function areas() {
  const area = (id, name, name_en, ...b) => box(...b, { id, name, name_en, level: "town" });
  return collection([
    area("321302001", "幸福街道", "Xingfu", -2900, -2900, 880, 40),
    area("321302002", "项里街道", "Xiangli", -2900, 40, 880, 2900),
    area("321302003", "河滨街道", "Hebin", 880, -2900, 2900, 2900),
  ]);
}

export function places() {
  const place = (name, name_en, rank, x, y) => ({
    type: "Feature",
    properties: { name, name_en, rank },
    geometry: { type: "Point", coordinates: at(x, y) },
  });
  return collection([
    place("项王故里", "Xiangwang Hometown", 1, 420, 560),
    place("市民广场", "Citizens' Square", 1, -360, -140),
    place("古黄河", "Old Yellow River", 2, 1010, -900),
    place("人民医院", "People's Hospital", 2, -1300, -620),
    place("雪枫公园", "Xuefeng Park", 2, -1120, 500),
    place("府前街", "Fuqian Street", 3, 120, -460),
    place("宿迁站", "Suqian Station", 1, 2200, 1500),
  ]);
}

export function gpx() {
  const points = Array.from({ length: 160 }, (_, i) => {
    const a = (i / 160) * 2 * Math.PI;
    const [lon, lat] = at(150 + 1150 * Math.cos(a) + 120 * Math.sin(3 * a), -50 + 900 * Math.sin(a));
    return `<trkpt lat="${lat}" lon="${lon}"/>`;
  });
  return `<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>马拉松 Marathon</name><trkseg>${points.join("")}</trkseg></trk></gpx>`;
}

const pose = (x, y, heading_deg, pitch_deg, distance_m) => {
  const [lon, lat] = at(x, y);
  return { lon, lat, height_m: 15, heading_deg, pitch_deg, distance_m };
};

/** A ramp and class names such as the hub tells them; made up, the real ones are in fixtures/heat.json. */
const COLOURS = ["#240c4f", "#761b6d", "#c43c4e", "#f78410", "#f3e979"];
const AIR = [["优", "excellent"], ["良", "good"], ["轻度污染", "light"], ["中度污染", "moderate"], ["重度污染", "heavy"], ["严重污染", "severe"]];
const field = { colours: COLOURS, power: 2, stale_after_min: 60 };

export const scene = () => ({
  name: "宿迁 一屏",
  name_en: "Suqian",
  package: "demo",
  anchor: { lon_deg: CENTRE.lon, lat_deg: CENTRE.lat, height_m: 20 },
  theme: "night",
  heat: [
    { ...field, id: "pm25", name: "细颗粒物 PM2.5", name_en: "fine particles", method: "idw", observed_property: "pm2_5", unit: "µg/m³", bounds: [0, 35, 75, 115, 150, 250, 500], classes: AIR, scale: "HJ 633-2012 PM2.5", mean: ["24小时平均", "24 h mean"], reach_m: 1500, shown: true },
    { ...field, id: "noise", name: "噪声", name_en: "Noise", method: "kriging", observed_property: "noise", unit: "dB", bounds: [35, 85], reach_m: 800, shown: false },
  ],
  camera: [{ id: "home", name: "全城", name_en: "City", pose: pose(60, 60, 20, 48, 2600) }],
  tour: {
    name: "马拉松巡演",
    name_en: "Marathon tour",
    keyframe: [
      { at_s: 0, pose: pose(60, 60, 20, 48, 2600), caption: { zh: "全城态势：一屏统览", en: "The whole city on one screen" } },
      { at_s: 20, pose: pose(1300, -50, 340, 40, 1300), caption: { zh: "起点：河滨街道，水位正常", en: "Start: Hebin, water level normal" } },
      { at_s: 45, pose: pose(150, 850, 250, 38, 1100), caption: { zh: "赛道北段：两处事件处置中", en: "North leg: two incidents in hand" } },
      { at_s: 70, pose: pose(-1000, -50, 160, 45, 1600) },
    ],
  },
});

const MINUTE = 60_000;
const iso = (ms) => new Date(ms).toISOString();

export function incidents(nowMs) {
  const row = (n, severity, domain, category, title, title_en, state, x, y, age, due, ack, area, more = {}) => {
    const [lon, lat] = at(x, y);
    const reported_at = iso(nowMs - age * MINUTE);
    return {
      id: `inc-${n}`, version: ack ? 2 : 1, domain, category, severity, state, title, title_en, description: "", lon, lat, area,
      source: "platform", reported_at, updated_at: reported_at, due_at: due === null ? null : iso(nowMs + due * MINUTE),
      acknowledged: ack ? { actor: "王敏", screen: "desk-1", at: iso(nowMs - 2 * MINUTE) } : null,
      unit: null, held: false, extensions: 0, bounces: 0, ...more,
    };
  };
  return [
    row(1, "critical", "emergency", "emergency/flood/waterlogging", "河滨下穿积水，车辆被困", "Underpass flooded, car trapped", "reported", 690, 330, 6, 9, false, "河滨街道", { description: "隧道内积水约 40 厘米，一辆白色轿车熄火，司机已下车等待。" }),
    row(2, "critical", "emergency", "emergency/fire/building", "居民楼冒烟", "Smoke from a flat", "dispatched", -520, -330, 14, -3, true, "幸福街道", { unit: "u-2" }),
    row(3, "major", "traffic", "traffic/accident/collision", "府前街两车相撞", "Collision on Fuqian Street", "handling", 190, -520, 22, 38, true, "幸福街道", { unit: "u-1" }),
    row(4, "major", "urban_management", "urban_management/facility/manhole", "井盖缺失", "Manhole cover missing", "reported", -180, 430, 9, 51, false, "项里街道"),
    row(5, "minor", "public_order", "public_order/dispute/neighbour", "市场口纠纷", "Dispute at the market", "registered", -760, 120, 35, 85, false, "项里街道"),
    row(6, "minor", "urban_management", "urban_management/environment/waste", "垃圾堆放", "Waste dumped", "accepted", 420, 880, 48, 400, true, "项里街道"),
    row(7, "info", "urban_management", "urban_management/street_order/stall", "占道经营", "Stall on the pavement", "reported", 60, -140, 12, null, false, "幸福街道"),
    row(8, "info", "traffic", "traffic/parking/illegal", "违停", "Illegal parking", "reported", 1450, 420, 5, 600, false, "河滨街道"),
  ];
}

export function units(nowMs) {
  const unit = (id, call_sign, domain, kind, state, x, y, heading_deg, age = 0) => {
    const [lon, lat] = at(x, y);
    return { id, call_sign, domain, kind, state, lon, lat, heading_deg, seen_at: iso(nowMs - age * MINUTE) };
  };
  return [
    unit("u-1", "交警 12", "traffic", "patrol_car", "on_scene", 250, -495, 90),
    unit("u-2", "消防 03", "emergency", "fire_engine", "en_route", -250, -250, 245),
    unit("u-3", "城管 07", "urban_management", "officer", "available", -500, 500, 10),
    unit("u-4", "网格 21", "public_order", "officer", "available", 500, 0, 300, 12),
  ];
}

export function sensors(nowMs) {
  const r = random(3);
  const datastreams = [];
  const observations = [];
  for (let i = 0; i < 22; i += 1) {
    const [x, y] = [(r() - 0.5) * 4400, (r() - 0.5) * 4400];
    const [lon, lat] = at(x, y);
    const place = { feed: "sta", sensor: `AQ-${i + 1}`, lon, lat, height_m: 4 };
    datastreams.push({ id: `sta/${2 * i}`, observed_property: "pm2_5", unit: "µg/m³", ...place });
    datastreams.push({ id: `sta/${2 * i + 1}`, observed_property: "noise", unit: "dB", ...place });
    const phenomenon_time = iso(nowMs - r() * 4 * MINUTE);
    const value = 30 + 90 * Math.exp(-Math.hypot(x - 600, y - 200) / 1400) + 10 * r();
    observations.push({ datastream: `sta/${2 * i}`, phenomenon_time, value, quality: i === 5 ? "suspect" : "good" });
    observations.push({ datastream: `sta/${2 * i + 1}`, phenomenon_time, value: 60 + 18 * Math.sin(x / 1500) + 4 * r(), quality: "good" });
  }
  return { datastreams, observations };
}

/** Public warnings: one real, one an exercise, one that is over and one that is a test (the last two are never to be seen). */
export function alerts(nowMs) {
  const alert = (id, severity, headline, headline_en, areas, more = {}) => ({
    id, feed: "cap", sender: "宿迁市气象台", sent: iso(nowMs - 30 * MINUTE), status: "actual", severity, event: "暴雨", headline, headline_en,
    description: "预计未来三小时降雨量将达 50 毫米以上。", instruction: "低洼地带注意防范积水。", areas, effective: iso(nowMs - 30 * MINUTE), onset: null,
    expires: iso(nowMs + 210 * MINUTE), cancelled: false, replaced_by: null, ...more,
  });
  const ring = [at(-900, -700), at(700, -800), at(1000, 300), at(0, 900), at(-900, 500), at(-900, -700)];
  const area = (name, polygons, circles) => [{ name, polygons, circles, geocodes: [["GB/T 2260", "321302"]] }];
  const [lon, lat] = at(1300, 900);
  return [
    alert("rain", "minor", "宿城区发布暴雨黄色预警", "Rainstorm yellow warning", area("宿城区", [ring], [])),
    alert("gas", "major", "燃气泄漏疏散", "Gas leak evacuation", area("河滨街道", [], [[lon, lat, 500]]), { status: "exercise", event: "疏散" }),
    alert("over", "critical", "已结束", "Over", area("", [ring], []), { expires: iso(nowMs - MINUTE) }),
    alert("test", "critical", "测试", "Test", area("", [ring], []), { status: "test" }),
  ];
}

export function feeds(nowMs) {
  const feed = (name, kind, connected, more = {}) => ({
    feed: name, kind, connected, received: 1000, stored: 1000, rejected: 0, conflated: 0, quarantined: 0, newest: iso(nowMs - 20_000), last_error: null, ...more,
  });
  return [
    feed("sta", "sensorthings", true),
    feed("cap", "cap", false, { rejected: 2, newest: iso(nowMs - 30 * MINUTE), last_error: "https://alerts.example/index.atom: no answer in time" }),
  ];
}

export const view = () => ({
  scene: "mock",
  camera: pose(60, 60, 20, 48, 2600),
  layers: { pm25: true, noise: false },
  selection: null,
  clock: { mode: "live" },
  tour: { state: "off" },
  leader: null,
});
