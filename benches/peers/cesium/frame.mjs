// `yiping bench frame` and the same view in CesiumJS in headless Chromium, in turns, in one run: a Markdown table.
//   node benches/peers/cesium/frame.mjs --package DIR --yiping target/debug/yiping --cesium DIR_OF_THE_NPM_PACKAGE
//     [--pose LON,LAT,HEIGHT,HEADING,PITCH,DISTANCE] [--size 1280x720] [--frames 30] [--rounds 3]

import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { flags, withPage } from "../../../web/test/browser.mjs";
import { serve } from "./serve.mjs";

const given = { pose: "118.258,33.980,30,335,16.5,3900", size: "1280x720", frames: "30", rounds: "3", ...flags() };
const missing = ["package", "yiping", "cesium"].filter((name) => typeof given[name] !== "string");
if (missing.length > 0) {
  console.error(`usage: frame.mjs --package DIR --yiping PROGRAM --cesium DIR [--pose ...] [--size 1280x720] [--frames 30] [--rounds 3] (missing: ${missing.join(", ")})`);
  process.exit(2);
}

/** src/render/camera: 35 degrees from bottom to top. src/tiles/select: 16 pixels. */
const VIEW = { fovy: (35 * Math.PI) / 180, error_px: 16, timeout_ms: 120_000 };
const KEYS = ["lon", "lat", "height_m", "heading_deg", "pitch_deg", "distance_m"];
const pose = Object.fromEntries(given.pose.split(",").map((n, i) => [KEYS[i], Number(n)]));

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;

async function ours() {
  const args = ["bench", "frame", "--package", given.package, "--size", given.size, "--frames", given.frames, "--pose", given.pose, "--json"];
  const { stdout } = await promisify(execFile)(given.yiping, args, { maxBuffer: 64 << 20 });
  const f = JSON.parse(stdout);
  return { frame: f.frame_ms_p50, full: f.full_view_ms, tiles: f.resident_mib, program: f.memory_mib, count: f.tiles, adapter: f.adapter };
}

/** Memory of all of Chromium's processes, shared pages counted once, MiB: what its pictures of the city cost the machine. */
async function chromium() {
  let kib = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const read = (file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if (/chrom/.test((await read("cmdline")).split("\0")[0])) kib += Number(/^Pss:\s+(\d+)/m.exec(await read("smaps_rollup"))?.[1] ?? 0);
  }
  return kib / 1024;
}

async function theirs() {
  const { server, url } = await serve({ "/cesium/": join(given.cesium, "Build/Cesium"), "/package/": given.package });
  try {
    return await withPage({ size: given.size, scale: 1, isMobile: false, hasTouch: false }, async (page) => {
      await page.goto(url);
      const c = await page.evaluate((how) => window.stand(how), { url: `${url}/package/tileset.json`, pose, frames: Number(given.frames), ...VIEW });
      if (c.failed.length > 0) console.error(`CesiumJS could not load ${c.failed.length} tiles: ${c.failed[0]}`);
      return { frame: median(c.frames), full: c.full_view_ms, tiles: c.tile_bytes / 2 ** 20, program: await chromium(), count: c.tiles };
    });
  } finally {
    server.close();
  }
}

const { version } = JSON.parse(await readFile(join(given.cesium, "package.json"), "utf8"));
const [y, c] = [[], []];
for (let i = 0; i < Number(given.rounds); i += 1) {
  y.push(await ours());
  c.push(await theirs());
}
const of = (runs, key) => median(runs.map((r) => r[key]));
console.log(`${given.size}, ${given.pose}; median of ${given.rounds} runs in turns; ${y[0].adapter}\n`);
console.log(`| | yiping | CesiumJS ${version} | ours in parts of theirs |\n|---|---|---|---|`);
const rows = [["frame, median", "frame", "ms"], ["full view", "full", "ms"], ["tiles in memory", "tiles", "MiB"], ["the whole program", "program", "MiB"], ["tiles drawn", "count", ""]];
for (const [what, key, unit] of rows) {
  const [a, b] = [of(y, key), of(c, key)];
  console.log(`| ${what} | ${a.toFixed(0)} ${unit} | ${b.toFixed(0)} ${unit} | ${unit ? (a / b).toFixed(2) : ""} |`);
}
