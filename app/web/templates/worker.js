// Lets the page open without coverage: the shell and what it is made of, nothing that anybody sent or was told. And
// sends the taps that are kept, should the page that kept them be closed.

import { Later } from "/static/device.js";
import { flush, heldMs, latest } from "/static/queue.js";

const CACHE = "taggad-VERSION";
const PAGE_FIRST_MS = 1000;
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

/** Send what is queued, the tap read last when it is held no more. Throws Later when some are left for it. */
async function send() {
  const { tap } = await latest();
  if (tap) await new Promise((resolve) => setTimeout(resolve, heldMs(tap) + PAGE_FIRST_MS));
  try {
    await flush();
  } finally {
    new BroadcastChannel("taggad").postMessage(null);
  }
}

/** As `send`; what is left is sent when there is coverage again, where the browser offers that. */
async function begin() {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof Later)) throw error;
    await registration.sync?.register("taps");
  }
}

addEventListener("message", (event) => event.waitUntil(begin()));
addEventListener("sync", (event) => event.waitUntil(send()));
addEventListener("install", (event) => event.waitUntil(fill()));
addEventListener("activate", (event) => event.waitUntil(clear()));
addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  const shell = event.request.mode === "navigate" && (pathname === SHELL || pathname.startsWith("/t/"));
  const file = shell ? SHELL : pathname;
  if (FILES.includes(file)) event.respondWith(answer(file, event.request));
});
