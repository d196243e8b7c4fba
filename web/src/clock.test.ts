import { expect, it } from "vitest";
import { best, exchange } from "./clock";

it("takes the offset from the exchange with the shortest way", () => {
  const hub = (ms: number): string => new Date(ms).toISOString();
  const slow = exchange(1000, 2000, hub(9000));
  const quick = exchange(3000, 3020, hub(8010));
  expect(best([slow, quick])).toBe(5000);
  expect(quick.roundTripMs).toBe(20);
  expect(best([])).toBe(0);
});
