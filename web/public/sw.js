// Keeps the app and the city's files on the phone, so that it opens where there is no network: drafts can be written and kept.
// Network first: what the hub has is what is shown; the copy is only for when the hub does not answer.

const CACHE = "yiping-phone-1";
/** App, city and scene; never state. */
const KEPT = /\/(?:index\.html|assets\/.+|manifest\.webmanifest|icon.*\.svg|package\/map\/.+|api\/scene|api\/city\/.+)?$/;
/** Two releases of the app and one city; the oldest go first. */
const ENTRIES_MAX = 40;
/** Longer without an answer counts as none. */
const ANSWER_WITHIN_MS = 8_000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepApp());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const scope = new URL(self.registration.scope);
  const ours = url.origin === scope.origin && url.pathname.startsWith(scope.pathname);
  if (request.method !== "GET" || !ours || !KEPT.test(`/${url.pathname.slice(scope.pathname.length)}`)) return;
  event.respondWith(answer(event, request.mode === "navigate" ? self.registration.scope : request.url));
});

/** The page and what it names, at the first visit. */
async function keepApp() {
  const cache = await caches.open(CACHE);
  const page = await fetch(self.registration.scope, { cache: "no-cache" });
  const html = await page.clone().text();
  await cache.put(self.registration.scope, page);
  const named = [...html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, path]) => new URL(path, self.registration.scope).href);
  await Promise.all(named.map((address) => cache.add(address).catch(() => undefined)));
}

async function answer(event, key) {
  const cache = await caches.open(CACHE);
  // Only the wait for the answer's beginning is bounded: a city's map may take minutes to arrive on a bad line.
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ANSWER_WITHIN_MS);
  try {
    const response = await fetch(event.request, { signal: patience.signal });
    clearTimeout(timer);
    if (response.status === 200) event.waitUntil(cache.put(key, response.clone()).then(() => trim(cache)).catch(() => undefined));
    return response;
  } catch (error) {
    clearTimeout(timer);
    const copy = await cache.match(key);
    if (copy) return copy;
    throw error;
  }
}

async function trim(cache) {
  const keys = await cache.keys();
  for (const key of keys.slice(0, Math.max(0, keys.length - ENTRIES_MAX))) await cache.delete(key);
}
