// A picture of the phone when its map is still:
// `node web/test/picture.mjs --url URL --out phone.png [--size 390x844] [--scale 2] [--show list|half|full|card|report|layers|settings]
//   [--incident ID] [--role officer] [--lang both] [--follow 1] [--token T]`

import { flags, open, openList, settle, withPage } from "./browser.mjs";

const given = flags();
if (!given.url || !given.out) {
  console.error("usage: picture.mjs --url URL --out FILE [--size 390x844] [--scale 2] [--show WHAT] [--incident ID]");
  process.exit(2);
}

const show = async (page) => {
  const tap = (id) => page.getByTestId(id).tap();
  switch (given.show) {
    case "half":
      return openList(page);
    case "full":
      await openList(page);
      await page.waitForTimeout(400);
      return tap("handle");
    case "card":
      await openList(page);
      return given.incident ? tap(`incident-${given.incident}`) : page.locator('[data-testid^="incident-"]').first().tap();
    case "report":
    case "layers":
    case "settings":
      return tap(given.show);
  }
};

const settled = await withPage({ size: given.size ?? "390x844", scale: given.scale ?? 2 }, async (page) => {
  const { role, lang, follow, token } = given;
  await open(page, given.url, { name: given.name ?? "李工", screen: "phone-demo", role, lang, follow, token });
  await settle(page, Number(given.wait ?? 40_000));
  await show(page);
  await page.waitForTimeout(700);
  const still = await settle(page, 15_000);
  await page.screenshot({ path: given.out });
  return still;
});
console.log(JSON.stringify({ out: given.out, settled }));
