import { defineConfig } from "vite";

/** For `npm run dev`: where a hub (or `npm run mock`) listens. */
const hub = process.env["YIPING_HUB"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  // The hub may serve the app under any prefix.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // MapLibre alone is about 1 MB; splitting it would only add a round trip on a phone.
    chunkSizeWarningLimit: 1600,
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: { "/ws": { target: hub, ws: true }, "/api": hub, "/package": hub },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
