// Acknowledges one incident with the thumb, as a field worker would, and says how the hub answered:
// `node web/test/acknowledge.mjs --url http://127.0.0.1:PORT --incident ID [--picture out.png] [--size 390x844] [--token T]`
// prints one line of JSON: {"revision":N,"incident":"ID","outcome":"accepted"}; exit status 0 when accepted.

import { flags, open, openList, settle, withPage } from "./browser.mjs";

const given = flags();
if (!given.url || !given.incident) {
  console.error("usage: acknowledge.mjs --url URL --incident ID [--picture out.png] [--size 390x844] [--token T]");
  process.exit(2);
}

const result = await withPage({ size: given.size ?? "390x844", scale: given.scale ?? 2 }, async (page) => {
  await open(page, given.url, { name: given.name ?? "李工", role: given.role ?? "field", screen: "phone-test", token: given.token, follow: "0" });
  await openList(page);
  await page.getByTestId(`incident-${given.incident}`).tap();
  await page.getByTestId("acknowledge").tap();
  const answer = page.locator('[data-testid="outcome"]:not([data-outcome="pending"])');
  await answer.waitFor({ timeout: 20_000 });
  const outcome = await answer.getAttribute("data-outcome");
  const revision = Number((await answer.getAttribute("data-revision")) ?? (await page.locator("#revision").getAttribute("data-revision")));
  if (given.picture) {
    await settle(page, 20_000);
    await page.screenshot({ path: given.picture });
  }
  return { revision, incident: given.incident, outcome };
});
console.log(JSON.stringify(result));
process.exit(result.outcome === "accepted" ? 0 : 1);
