// City packages in CesiumJS: built by the program, served over loopback, drawn by headless Chromium with software WebGL.
//   node benches/peers/cesium/test.mjs --yiping target/debug/yiping --cesium DIR_OF_THE_NPM_PACKAGE --pictures target/cesium
// One line a city, "ok    ..." or "FAIL  ..."; the pictures are left to be looked at.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { flags, withPage } from "../../../web/test/browser.mjs";
import { serve } from "./serve.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../../..");
const given = flags();
const missing = ["yiping", "cesium", "pictures"].filter((name) => typeof given[name] !== "string");
if (missing.length > 0) {
  console.error(`usage: test.mjs --yiping PROGRAM --cesium DIR --pictures DIR (missing: ${missing.join(", ")})`);
  process.exit(2);
}

/** The whole city where the shared data is, else the sample in the repository. `drawn`: least share of the picture that is no background. */
const CITIES = [
  { name: "the-hague", files: ["../shared/data/the-hague/DenHaag_01.city.json", "tests/data/the-hague-sample.city.json"], build: ["--crs", "EPSG:7415"] },
  { name: "delft", files: ["../shared/data/delft/delft.city.json"], build: [] },
];
/** At so small an error every leaf is drawn, so that none goes unseen. */
const VIEW = { at: "2026-06-21T10:00:00Z", pitch_deg: -42, distance: 1.6, error_px: 0.01, timeout_ms: 120_000 };
const DRAWN_LEAST = 0.12;
async function look(city, input, scratch) {
  const folder = join(scratch, city.name);
  await promisify(execFile)(given.yiping, ["build", input, ...city.build, "--out", folder]);
  const { server, url } = await serve({ "/cesium/": join(given.cesium, "Build/Cesium"), "/package/": folder });
  try {
    return await withPage({ size: "960x600", scale: 1, isMobile: false, hasTouch: false }, async (page) => {
      const outside = [];
      await page.route((to) => to.origin !== url && !["data:", "blob:"].includes(to.protocol), (route) => {
        outside.push(route.request().url());
        return route.abort();
      });
      await page.goto(url);
      const seen = await page.evaluate((view) => window.show(view), { url: `${url}/package/tileset.json`, ...VIEW });
      const picture = join(given.pictures, `${city.name}.png`);
      await page.screenshot({ path: picture });
      assert.deepEqual(seen.failed, [], "tiles failed");
      assert.deepEqual(outside, [], "the page asked the network");
      assert.ok(seen.drawn > DRAWN_LEAST, `only ${(seen.drawn * 100).toFixed(1)} % of the picture is drawn, see ${picture}`);
      assert.ok(seen.attributes?.id, "a click on a building gives no attributes");
      return seen;
    });
  } finally {
    server.close();
  }
}

await mkdir(given.pictures, { recursive: true });
const scratch = await mkdtemp(join(tmpdir(), "yiping-cesium-"));
let failed = 0;
for (const city of CITIES) {
  const input = city.files.map((f) => join(root, f)).find(existsSync);
  if (!input) {
    console.error(`NOT CHECKED: ${city.name} is not on this machine (${city.files[0]})`);
    continue;
  }
  try {
    const s = await look(city, input, scratch);
    console.log(`ok    ${city.name} in CesiumJS: ${s.tiles} tiles, ${s.triangles} triangles, ${(s.drawn * 100).toFixed(0)} % of the picture, ${Object.keys(s.attributes).length} attributes at a click, ${s.seconds.toFixed(1)} s`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${city.name} in CesiumJS\n      ${error.message.split("\n").slice(0, 8).join("\n      ")}`);
  }
}
await rm(scratch, { recursive: true, force: true });
process.exit(failed > 0 ? 1 : 0);
