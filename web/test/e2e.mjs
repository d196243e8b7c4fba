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
    await page.getByTestId("incident-inc-1").tap();
    await page.getByTestId("replay-no-moves").waitFor();
    assert.equal(await page.getByTestId("acknowledge").count(), 0);
    await page.getByTestId("back-to-live").tap();
    await page.getByTestId("acknowledge").waitFor();
    assert.equal(await page.getByTestId("replay").count(), 0);
    assert.equal(hub.state.view.clock.mode, "live");
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
