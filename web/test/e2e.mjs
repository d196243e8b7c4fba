// The phone against a mock hub, through a real browser. `npm run test:e2e` after `npm run build`.
// Each check opens its own page and its own hub, so that none leans on another.

import assert from "node:assert/strict";
import { startHub } from "./mock-hub.mjs";
import { open, settle, withPage } from "./browser.mjs";

const WHO = { name: "李工", role: "field", screen: "phone-e2e", follow: "1" };

const checks = {
  async "an acknowledgement is pending until the hub says so, then shows its revision"(page, hub) {
    await open(page, hub.url, WHO);
    await page.getByTestId("handle").tap();
    await page.getByTestId("incident-inc-1").tap();
    await page.getByTestId("acknowledge").tap();
    await page.locator('[data-testid="outcome"][data-outcome="accepted"][data-revision="101"]').waitFor();
    await page.locator('#revision[data-revision="101"]').waitFor({ state: "attached" });
    assert.equal(hub.state.incidents.get("inc-1").acknowledged.actor, "李工");
    assert.equal(await page.getByTestId("acknowledge").count(), 0);
    const sent = hub.received.find((m) => m.type === "command");
    assert.equal(sent.expected_version, 1);
    assert.ok(Math.abs(Date.parse(sent.device_time) - Date.now()) < 60_000);
  },

  async "a conflict shows who was first and lets the person decide again"(page, hub) {
    await open(page, hub.url, WHO);
    await page.getByTestId("handle").tap();
    await page.getByTestId("incident-inc-4").tap();
    // Someone else moves it where this phone has not heard of it.
    const old = hub.state.incidents.get("inc-4");
    hub.state.incidents.set("inc-4", { ...old, version: 2, state: "verifying" });
    await page.getByTestId("acknowledge").tap();
    await page.locator('[data-testid="outcome"][data-outcome="conflict"]').waitFor();
    await page.locator('[data-testid="card"][data-version="2"]').waitFor();
    await page.getByTestId("acknowledge").tap();
    await page.locator('[data-testid="outcome"][data-outcome="accepted"]').waitFor();
  },

  async "a report made offline is kept as a draft and sent once when the line is back"(page, hub) {
    await open(page, hub.url, WHO);
    await settle(page);
    hub.cut();
    await page.locator('[data-testid="connection"][data-state="reconnecting"]').waitFor();
    await page.getByTestId("report").tap();
    await page.getByTestId("category-urban_management/appearance/rubbish").tap();
    await page.getByTestId("send-report").tap();
    await page.locator('[data-testid^="draft-"]').waitFor();
    assert.equal(await page.getByTestId("report-accepted").count(), 0);
    hub.restore();
    await page.getByTestId("report-accepted").waitFor({ timeout: 30_000 });
    assert.equal(await page.locator('[data-testid^="draft-"]').count(), 0);
    const reports = [...hub.state.incidents.values()].filter((i) => i.source === "screen");
    assert.equal(reports.length, 1);
    assert.equal(reports[0].category, "urban_management/appearance/rubbish");
    assert.ok(Math.abs(reports[0].lon - 118.2757) < 0.02 && Math.abs(reports[0].lat - 33.9631) < 0.02);
  },

  async "after a break the phone resumes from its revision"(page, hub) {
    await open(page, hub.url, WHO);
    hub.change({ entity: "unit", unit: hub.state.units[0] });
    await page.locator('#revision[data-revision="101"]').waitFor({ state: "attached" });
    hub.cut();
    await page.getByTestId("stale").waitFor();
    hub.change({ entity: "incident", incident: { ...hub.state.incidents.get("inc-1"), id: "inc-new", title: "新事件" } });
    hub.restore();
    await page.getByTestId("incident-inc-new").waitFor({ state: "attached", timeout: 30_000 });
    const hellos = hub.received.filter((m) => m.type === "hello");
    assert.equal(hellos.at(-1).resume, 101);
  },

  async "an officer leads: layers, selection and camera go to the hub, the camera at most five times a second"(page, hub) {
    await open(page, hub.url, { ...WHO, role: "officer" });
    await settle(page);
    await page.getByTestId("layers").tap();
    await page.getByTestId("lead").tap();
    await page.locator('.who.leads').waitFor();
    await page.getByTestId("layer-noise").tap();
    await page.locator('[data-testid="layer-pm25"][aria-checked="false"]').waitFor();
    assert.deepEqual(hub.state.view.layers, { pm25: false, noise: true });
    const before = hub.received.length;
    const t0 = Date.now();
    await page.mouse.move(200, 200);
    await page.mouse.down();
    for (let i = 0; i < 30; i += 1) await page.mouse.move(200 - i * 3, 200 + i * 2);
    await page.mouse.up();
    await page.waitForTimeout(800);
    const cameras = hub.received.slice(before).filter((m) => m.patch?.camera);
    assert.ok(cameras.length >= 1, "no camera was sent");
    assert.ok(cameras.length <= Math.ceil((Date.now() - t0) / 200) + 1, `${cameras.length} cameras`);
    const { pitch_deg, distance_m } = cameras.at(-1).patch.camera;
    assert.ok(Math.abs(pitch_deg - 48) < 0.5);
    // The open sheet must not zoom the wall.
    assert.ok(Math.abs(distance_m / 2600 - 1) < 0.01, `${distance_m} m`);
  },

  async "a tour shows its caption at the hub's time and moves a following phone"(page, hub) {
    await open(page, hub.url, WHO);
    const at = new Date(Date.now() - 30_000).toISOString();
    hub.state.view = { ...hub.state.view, tour: { state: "playing", position_s: 0, at } };
    hub.change({ entity: "view", view: hub.state.view });
    await page.getByTestId("caption").getByText("起点").waitFor();
    const position = Number(await page.getByTestId("tour").getAttribute("data-position"));
    assert.ok(position > 28 && position < 45, `at ${position} s`);
    await page.getByTestId("tour-leave").tap();
    await page.locator('[data-testid="follow"][aria-pressed="false"]').waitFor();
  },

  async "with the shared clock in the past the phone shows what was, says so, and lets nobody act on it"(page, hub) {
    await open(page, hub.url, { ...WHO, role: "officer" });
    const time = new Date(Date.now() - 3_600_000).toISOString();
    const live = hub.state.view;
    hub.state.view = { ...live, clock: { mode: "at", time, known: "as_we_knew_it" } };
    hub.change({ entity: "view", view: hub.state.view });
    await page.locator(`[data-testid="replay"][data-time="${time}"]`).getByText("回放").waitFor();
    await page.getByTestId("handle").tap();
    await page.getByTestId("incident-inc-1").getByText("往事").waitFor();
    assert.equal(await page.locator('[data-testid^="incident-"]').count(), 1);
    // Its limit, nine minutes from now, was more than an hour away then.
    await page.getByTestId("incident-inc-1").getByText(/1h [0-9]+m/).waitFor();
    await page.getByTestId("incident-inc-1").tap();
    await page.getByTestId("replay-no-moves").waitFor();
    assert.equal(await page.getByTestId("acknowledge").count(), 0);
    await page.getByTestId("back-to-live").tap();
    await page.getByTestId("acknowledge").waitFor();
    assert.equal(await page.getByTestId("replay").count(), 0);
    assert.equal(hub.state.view.clock.mode, "live");
  },

  async "the heat field is on the map, a tap says value, error and the sensors behind it, and a new reading changes it"(page, hub) {
    fromAbove(hub);
    await open(page, hub.url, WHO);
    await settle(page);
    // One of the 22 sensors is flagged.
    const legend = page.locator('[data-testid="legend"][data-sensors="21"][data-method="idw"]');
    await legend.getByText(/21 站 ±\d/).waitFor();
    await legend.getByText("µg/m³").waitFor();
    const place = [228, 300];
    const [red, green] = await colour(page, place);
    assert.ok(red > green + 15, `red ${red}, green ${green}: the field should be warm here`);
    await page.touchscreen.tap(...place);
    const card = page.getByTestId("heat-card");
    await card.waitFor();
    const expected = await byDistance(card, hub, "pm2_5");
    assert.ok(Math.abs(expected.value - Number(await card.getAttribute("data-value"))) < 0.05 * expected.value, `not ${expected.value}`);
    await page.getByTestId("heat-error").getByText(/±\d/).waitFor();
    await page.getByTestId("handle").tap();
    // A bucket without a good reading is left out of the sixty.
    await page.locator(`[data-testid="behind-${expected.heaviest}"] [data-testid="heat-chart"][data-points="59"]`).waitFor();
    // Where the thumb pointed stands between the legend and the card.
    await page.waitForTimeout(1_200);
    const [mark, low] = [await page.getByTestId("legend").boundingBox(), await page.locator(".sheet").boundingBox()];
    const [bright] = await colour(page, [195 - 12, (56 + low.y) / 2], 1);
    assert.ok(bright > 150 && (56 + low.y) / 2 > mark.y + mark.height, `red ${bright}: the ring's edge should be here`);
    const asked = hub.seriesAsked.find((s) => s.datastream === expected.heaviest);
    assert.equal(Date.parse(asked.to) - Date.parse(asked.from), 4 * 3_600_000);
    const before = await card.getAttribute("data-value");
    const observation = { datastream: expected.heaviest, phenomenon_time: new Date().toISOString(), value: 400, quality: "good" };
    hub.state.observations = hub.state.observations.map((o) => (o.datastream === expected.heaviest ? observation : o));
    hub.change({ entity: "observation", observation });
    await page.locator(`[data-testid="heat-card"]:not([data-value="${before}"])`).waitFor();
    assert.ok(Number(await card.getAttribute("data-value")) > Number(before));
    await page.getByTestId("heat-close").tap();
    await page.getByTestId("layers").tap();
    await page.getByTestId("layer-pm25").tap();
    await page.locator('[data-testid="layer-pm25"][aria-checked="false"]').waitFor();
    await settle(page);
    const [bare] = await colour(page, place);
    assert.ok(bare < red - 15, `red ${bare} without the field, ${red} with it`);
  },

  async "a phone whose graphics device was taken away draws the heat field again"(page, hub) {
    fromAbove(hub);
    await open(page, hub.url, WHO);
    await settle(page);
    const before = await colour(page, [228, 300]);
    await page.evaluate(async () => {
      const gl = document.querySelector("canvas.maplibregl-canvas").getContext("webgl2").getExtension("WEBGL_lose_context");
      gl.loseContext();
      await new Promise((r) => setTimeout(r, 300));
      gl.restoreContext();
    });
    await page.waitForTimeout(500);
    await settle(page);
    const after = await colour(page, [228, 300]);
    assert.ok(after.every((c, i) => Math.abs(c - before[i]) < 8), `${after} is not ${before}`);
  },

  async "in replay the field is of the replayed time, and so are the curves"(page, hub) {
    fromAbove(hub);
    hub.state.view = { ...hub.state.view, layers: { pm25: false, noise: true } };
    await open(page, hub.url, WHO);
    await settle(page);
    await page.locator('[data-testid="legend"][data-sensors="22"][data-method="kriging"]').waitFor();
    await page.touchscreen.tap(228, 300);
    const card = page.getByTestId("heat-card");
    await card.waitFor();
    const now = Number(await card.getAttribute("data-value"));
    await page.getByTestId("heat-error").getByText("估计误差").waitFor();
    const time = new Date(Date.now() - 3_600_000).toISOString();
    hub.state.view = { ...hub.state.view, clock: { mode: "at", time, known: "as_we_knew_it" } };
    hub.change({ entity: "view", view: hub.state.view });
    // One sensor had not been heard yet; the others said half of what they say now.
    await page.locator('[data-testid="legend"][data-sensors="21"]').waitFor();
    await page.waitForFunction((value) => Number(document.querySelector('[data-testid="heat-card"]')?.dataset.value) < 0.75 * value, now);
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="heat-chart"]').length > 0);
    assert.equal(hub.seriesAsked.at(-1).to, time);
    assert.equal(hub.seriesAsked.at(-1).known_by, time);
  },

  async "the legend fits the narrowest phones, upright and on their side, and its time stays clear of the edge"(page, hub) {
    for (const [width, height] of [[320, 568], [360, 640], [414, 896], [844, 390]]) {
      await page.setViewportSize({ width, height });
      await open(page, hub.url, { ...WHO, role: "officer", lang: width === 320 ? "en" : "both" });
      await page.locator('[data-testid="legend"][data-method="idw"]').waitFor();
      for (const press of [false, true]) {
        if (press) await page.getByTestId("legend-more").tap();
        const wrong = await page.getByTestId("legend").evaluate((legend) => {
          const edge = legend.getBoundingClientRect();
          const over = [...legend.querySelectorAll("*")].filter((e) => {
            const at = e.getBoundingClientRect();
            const isClipped = e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline";
            return isClipped || at.right > edge.right - (e.matches("time, .count, p") ? 8 : 0);
          });
          return over.map((e) => `${e.tagName} ${e.className} ${e.textContent}`);
        });
        assert.deepEqual(wrong, [], `${width}x${height}${press ? ", open" : ""}`);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      }
      // The bars above it, too: whoever is on them must be reached by a thumb.
      const time = new Date(Date.now() - 60_000).toISOString();
      hub.state.view = { ...hub.state.view, clock: { mode: "at", time, known: "as_it_happened" } };
      hub.change({ entity: "view", view: hub.state.view });
      await inside(page, page.getByTestId("back-to-live"), width);
      hub.state.view = { ...hub.state.view, clock: { mode: "live" } };
      hub.cut();
      await page.getByTestId("stale").waitFor();
      await inside(page, page.getByTestId("settings"), width);
      hub.restore();
    }
  },

  async "once visited, it opens without a network and keeps a report through a reload"(page, hub, browser) {
    await open(page, hub.url, WHO);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await page.reload();
    await page.locator('[data-testid="connection"][data-state="live"]').waitFor();
    await settle(page);
    await browser.setOffline(true);
    hub.cut();
    await page.reload({ waitUntil: "domcontentloaded" });
    await page.getByTestId("report").tap();
    await page.getByTestId("category-urban_management/appearance/rubbish").tap();
    await page.getByTestId("send-report").tap();
    await page.locator('[data-testid^="draft-"]').waitFor();
    await page.reload({ waitUntil: "domcontentloaded" });
    await page.locator('[data-testid^="draft-"]').waitFor();
    await browser.setOffline(false);
    hub.restore();
    await page.getByTestId("report-accepted").waitFor({ timeout: 30_000 });
    assert.equal([...hub.state.incidents.values()].filter((i) => i.source === "screen").length, 1);
  },

  async "without the city's files the incidents still work"(page, hub) {
    await open(page, hub.url, WHO);
    await page.getByTestId("missing").waitFor();
    await page.getByTestId("handle").tap();
    await page.getByTestId("incident-inc-1").tap();
    await page.getByTestId("card").waitFor();
  },
};

/** The camera straight down on all sensors, so that a pixel is the same place in every run. */
function fromAbove(hub) {
  hub.state.view = { ...hub.state.view, camera: { ...hub.state.view.camera, pitch_deg: 90, heading_deg: 0, distance_m: 7000 } };
}

/** Holds that something is on the screen as a whole. */
async function inside(page, locator, width) {
  await locator.waitFor();
  const box = await locator.boundingBox();
  assert.ok(box && box.x >= 0 && box.x + box.width <= width && box.width >= 44 && box.height >= 44, `${JSON.stringify(box)} on ${width} px`);
}

/** Mean red, green and blue around a place on the screen. */
async function colour(page, [x, y], r = 6) {
  const png = await page.screenshot({ clip: { x: x - r, y: y - r, width: 2 * r, height: 2 * r } });
  return page.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    const sums = [0, 0, 0];
    data.forEach((v, i) => i % 4 < 3 && (sums[i % 4] += v));
    return sums.map((s) => s / (data.length / 4));
  }, png.toString("base64"));
}

/** Inverse distance by the shortest way, at the card's place: what the page must say, and who weighs most. */
async function byDistance(card, hub, property) {
  const [lon, lat] = [Number(await card.getAttribute("data-lon")), Number(await card.getAttribute("data-lat"))];
  const readings = new Map(hub.state.observations.map((o) => [o.datastream, o]));
  const good = hub.state.datastreams.filter((d) => d.observed_property === property && readings.get(d.id)?.quality === "good");
  const weights = good.map((d) => ((d.lon - lon) * Math.cos((lat * Math.PI) / 180)) ** 2 + (d.lat - lat) ** 2).map((d2) => 1 / d2);
  const whole = weights.reduce((a, b) => a + b, 0);
  const value = good.reduce((sum, d, i) => sum + (weights[i] / whole) * readings.get(d.id).value, 0);
  return { value, heaviest: good[weights.indexOf(Math.max(...weights))].id };
}

const MISSING = ["/package/map/ground.geojson", "/api/city/places.geojson", "/api/city/marathon.gpx"];
const only = process.argv[2];
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (only && !name.includes(only)) continue;
  const hub = await startHub({ missing: name.startsWith("without") ? MISSING : [] });
  try {
    await withPage({ scale: 1 }, (page, browser) => {
      page.setDefaultTimeout(15_000);
      return check(page, hub, browser);
    });
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${error.message.split("\n").slice(0, 6).join("\n      ")}`);
  } finally {
    await hub.stop();
  }
}
process.exit(failed === 0 ? 0 : 1);
