// Chromium as the tests and pictures use it: software WebGL, a fresh profile, no background traffic.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** `--name value` pairs; a flag without a value is `true`. */
export function flags(argv = process.argv.slice(2)) {
  const found = {};
  argv.forEach((a, i) => {
    if (a.startsWith("--")) found[a.slice(2)] = argv[i + 1]?.startsWith("--") === false ? argv[i + 1] : true;
  });
  return found;
}

export async function withPage({ size = "390x844", scale = 2, ...context }, use) {
  const [width, height] = size.split("x").map(Number);
  const profile = await mkdtemp(join(tmpdir(), "yiping-phone-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width, height },
    deviceScaleFactor: Number(scale),
    isMobile: true,
    hasTouch: true,
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    ...context,
  });
  try {
    const page = browser.pages()[0] ?? (await browser.newPage());
    page.on("pageerror", (error) => console.error("page:", error.message));
    page.on("console", (m) => ["error", "warning"].includes(m.type()) && !m.text().includes("GPU stall") && console.error(`page ${m.type()}:`, m.text()));
    return await use(page, browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

export const address = (url, query = {}) => {
  const a = new URL(url);
  for (const [k, v] of Object.entries(query)) if (v !== undefined) a.searchParams.set(k, v);
  return a.href;
};

/** Opens the page and waits for the hub's state; `ms` bounds the wait. */
export async function open(page, url, query = {}, ms = 30_000) {
  await page.goto(address(url, query), { waitUntil: "domcontentloaded", timeout: ms });
  await page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: ms });
}

/** Waits until the map has drawn everything; false when it is still busy after `ms` (a tour never settles). */
export const settle = (page, ms = 30_000) =>
  page.locator("html[data-settled]").waitFor({ state: "attached", timeout: ms }).then(() => true, () => false);

/** The list at half height: a card that the shared selection opened is put back first. */
export async function openList(page) {
  if ((await page.getByTestId("back").count()) > 0) await page.getByTestId("back").tap();
  await page.getByTestId("handle").tap();
  await page.locator('.sheet[data-height="half"]').waitFor();
}
