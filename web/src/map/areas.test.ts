import { expect, it } from "vitest";
import { type Area, areaFull, areaShort } from "./areas";

const known = new Map<string, Area>([
  ["321302001", { name: "幸福街道", name_en: "Xingfu", level: "town", parent: "321302" }],
  ["321302001003", { name: "文昌社区", name_en: "Wenchang", level: "village", parent: "321302001" }],
  ["321302001003005", { name: "文昌社区第5网格", name_en: "Wenchang Grid 5", level: "grid_cell", parent: "321302001003" }],
]);

it("names a grid cell by its community in a row, and with its town on the card", () => {
  expect(areaShort("321302001003005", known)).toEqual(["文昌社区", "Wenchang"]);
  expect(areaFull("321302001003005", known)).toEqual(["幸福街道 · 文昌社区第5网格", "Wenchang Grid 5, Xingfu"]);
  expect(areaShort("321302001", known)[0]).toBe("幸福街道");
});

it("leaves a code that nobody knows as it is", () => {
  expect(areaShort("幸福街道", known)).toEqual(["幸福街道", ""]);
  expect(areaFull("999", known)).toEqual(["999", ""]);
});
