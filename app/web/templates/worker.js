// Lets the page open without coverage: the shell and what it is made of, nothing that anybody sent or was told.

const CACHE = "taggad-VERSION";
const SHELL = "/enrol";
const FILES = [SHELL, "/static/phone.css", "/static/icon.svg", "/static/phone.js", "/static/queue.js",
  "/static/device.js", "/static/store.js", "/static/texts.js"];

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  await skipWaiting();
}

async function clear() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await clients.claim();
}

async function answer(file, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(file)) ?? fetch(request);
}

addEventListener("install", (event) => event.waitUntil(fill()));
addEventListener("activate", (event) => event.waitUntil(clear()));
addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  const shell = event.request.mode === "navigate" && (pathname === SHELL || pathname.startsWith("/t/"));
  const file = shell ? SHELL : pathname;
  if (FILES.includes(file)) event.respondWith(answer(file, event.request));
});
