// `yiping bench flight` and the same flight in CesiumJS in headless Chromium, in one run: a Markdown table.
//   node benches/peers/cesium/flight.mjs --package DIR --yiping target/debug/yiping --cesium DIR_OF_THE_NPM_PACKAGE [--seconds 300] [--size 1280x720]

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { flags, withPage } from "../../../web/test/browser.mjs";
import { serve } from "./serve.mjs";

const given = { seconds: "300", size: "1280x720", ...flags() };
const missing = ["package", "yiping", "cesium"].filter((name) => typeof given[name] !== "string");
if (missing.length > 0) {
  console.error(`usage: flight.mjs --package DIR --yiping PROGRAM --cesium DIR [--seconds 300] [--size 1280x720] (missing: ${missing.join(", ")})`);
  process.exit(2);
}

/** src/render/camera: 35 degrees from bottom to top. src/tiles/select: 16 pixels. */
const VIEW = { fovy: (35 * Math.PI) / 180, error_px: 16, timeout_ms: 120_000 };

const at = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.round((numbers.length - 1) * share)] ?? 0;
const mib = (bytes) => bytes / 2 ** 20;

/** As `hitch_worst` of ours: the worst frame in medians of the nine that it is in the middle of, without the first frames. */
const AROUND = 9;
function hitch(frames) {
  const ratios = frames.slice(20, frames.length - AROUND + 1).map((_, i) => {
    const around = frames.slice(20 + i, 20 + i + AROUND);
    return around[(AROUND - 1) / 2] / at(around, 0.5);
  });
  return Math.max(0, ...ratios);
}

async function ours() {
  const args = ["bench", "flight", "--package", given.package, "--seconds", given.seconds, "--size", given.size, "--json"];
  const { stdout } = await promisify(execFile)(given.yiping, args, { maxBuffer: 64 << 20 });
  return JSON.parse(stdout);
}

async function theirs(flight) {
  const { server, url } = await serve({ "/cesium/": join(given.cesium, "Build/Cesium"), "/package/": given.package });
  try {
    return await withPage({ size: given.size, scale: 1, isMobile: false, hasTouch: false }, async (page) => {
      await page.goto(url);
      return page.evaluate((how) => window.fly(how), { url: `${url}/package/tileset.json`, flight, ...VIEW });
    });
  } finally {
    server.close();
  }
}

const { version } = JSON.parse(await readFile(join(given.cesium, "package.json"), "utf8"));
const y = await ours();
const c = await theirs(y.flight);
if (c.failed.length > 0) console.error(`CesiumJS could not load ${c.failed.length} tiles: ${c.failed[0]}`);
const rows = [
  ["frame, median", y.frame_ms_p50, at(c.frames, 0.5), "ms"],
  ["frame, p99", y.frame_ms_p99, at(c.frames, 0.99), "ms"],
  ["frame, worst", y.frame_ms_worst, at(c.frames, 1), "ms"],
  ["frame, worst beside those around it", y.hitch_worst, hitch(c.frames), "times"],
  ["first full view", y.first_full_ms, c.first_full_ms, "ms"],
  ["full detail at a stop, median", y.full_detail_ms_p50, at(c.waits, 0.5), "ms"],
  ["full detail at a stop, worst", y.full_detail_ms_worst, at(c.waits, 1), "ms"],
  ["tiles loaded", y.tiles_loaded, c.tiles_loaded, ""],
  ["bytes loaded, as they lie in memory", y.mib_loaded, mib(c.loaded_bytes), "MiB"],
  ["tiles in memory, at most", y.peak_mib, mib(c.peak_bytes), "MiB"],
  ["of a budget of", y.budget_mib, mib(c.budget_bytes), "MiB"],
  ["whole flight", y.seconds, c.seconds, "s"],
];
console.log(`${y.size}, ${y.stops.length} stops, ${y.flight.leg_s.toFixed(1)} s between two; ${y.adapter}\n`);
console.log(`| | yiping | CesiumJS ${version} |\n|---|---|---|`);
for (const [what, a, b, unit] of rows) console.log(`| ${what} | ${a.toFixed(unit === "" ? 0 : 1)} ${unit} | ${b.toFixed(unit === "" ? 0 : 1)} ${unit} |`);
