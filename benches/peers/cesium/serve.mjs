// Files over loopback, for a page that draws a package with CesiumJS.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".glb": "model/gltf-binary" };

/** Serves the page at `/` and folders by their prefix (`/cesium/`, `/package/`) on a free loopback port. */
export function serve(folders) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const prefix = Object.keys(folders).find((p) => path.startsWith(p));
    const file = path === "/" ? join(here, "page.html") : prefix && join(folders[prefix], path.slice(prefix.length));
    const bytes = file && (await readFile(file).catch(() => null));
    response.writeHead(bytes ? 200 : 404, { "content-type": TYPES[extname(file ?? "")] ?? "application/octet-stream" });
    response.end(bytes ?? "");
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done({ server, url: `http://127.0.0.1:${server.address().port}` })));
}
