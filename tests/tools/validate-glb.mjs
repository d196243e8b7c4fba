// Checks every glb of folders (or single files) with Khronos' validator: `node tests/tools/validate-glb.mjs FOLDER...`
// Prints what is wrong grouped, then "N glb: E errors, W warnings". Exit 0: no errors, 1: errors, 2: could not run.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import validator from "gltf-validator";

const LEVELS = ["ERROR", "WARNING"];
/** Lines a level; a package with one fault has it in every tile. */
const LINES_MAX = 20;

async function glbs(path) {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile() && e.name.endsWith(".glb")).map((e) => join(e.parentPath, e.name));
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: node tests/tools/validate-glb.mjs FOLDER...");
  process.exit(2);
}
const files = (await Promise.all(paths.map(glbs))).flat().sort();
const totals = [0, 0];
const groups = LEVELS.map(() => new Map());
for (const file of files) {
  const report = await validator.validateBytes(new Uint8Array(await readFile(file)), { uri: file, maxIssues: 0, writeTimestamp: false })
    .catch((error) => ({ issues: { messages: [{ severity: 0, code: "UNREADABLE", message: String(error), pointer: "" }] } }));
  for (const { severity, code, message, pointer } of report.issues.messages) {
    if (severity >= LEVELS.length) continue;
    totals[severity] += 1;
    const key = `${code}: ${message}`;
    const group = groups[severity].get(key) ?? { count: 0, first: `${file} ${pointer ?? ""}` };
    groups[severity].set(key, { ...group, count: group.count + 1 });
  }
}
groups.forEach((found, level) => {
  for (const [key, { count, first }] of [...found].slice(0, LINES_MAX)) console.log(`${LEVELS[level]} x${count} ${key} (first at ${first})`);
});
console.log(`${files.length} glb: ${totals[0]} errors, ${totals[1]} warnings`);
process.exit(totals[0] > 0 ? 1 : 0);
