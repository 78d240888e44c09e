// The page that a tag opens, and that enrols the phone. Loading it does nothing by itself: a tap is posted by an
// enrolled phone, and an enrolment begins with a press, so previews and reloads change nothing.

import { Later, current, enrol } from "./device.js";
import { decide, flush, keep, tapOf, waiting } from "./queue.js";
import { clock, language, said, text } from "./texts.js";

const UNDECIDED_MS = 12_000;
const place = (id) => document.getElementById(id);

let tap = null; // the one read last, while nobody knows what became of it
let code = null;
let timer;
const pages = new BroadcastChannel("taggad"); // every tag may open one more, and only one of them sends

function say(sentence, more = "") {
  place("said").textContent = sentence;
  place("more").textContent = more;
}

function offer(id, shown) {
  place(id).hidden = !shown;
}

async function count() {
  const left = await waiting();
  place("waiting").textContent = left && !(tap && left === 1) ? text.waiting(left) : "";
}

function told(results) {
  if (!tap || !results.has(tap.id)) return;
  say(said(results.get(tap.id)));
  tap = null;
}

/** Send what is queued, say what became of the tap just read, and come back when some is left. */
async function send() {
  let results = new Map();
  let later = null;
  try {
    results = await flush();
  } catch (error) {
    // Whatever it was, the tap is kept.
    later = error instanceof Later ? error : new Later("busy");
    results = error.results ?? results;
  }
  if (results.size) pages.postMessage(results);
  told(results);
  if (tap && later && place("choice").hidden) {
    say(text[later.reason]);
  }
  if (later) wake(later.seconds * 1000);
  await count();
}

function wake(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(() => void send(), milliseconds);
}

async function read(tag) {
  offer("connect", false);
  try {
    tap = await keep(tag, UNDECIDED_MS);
  } catch {
    say(text.unsaved);
    return;
  }
  history.replaceState(null, "", location.pathname);
  say(text.asking(clock(tap.tapped_at)), text.asking_more);
  offer("choice", true);
  const { id } = tap;
  setTimeout(() => {
    if (tap?.id === id) void chosen("auto");
  }, UNDECIDED_MS);
}

async function chosen(direction) {
  if (place("choice").hidden) return send();
  offer("choice", false);
  say(text.sending);
  await decide(tap.id, direction);
  await send();
}

async function connect() {
  place("connect").disabled = true;
  try {
    const device = await enrol(code);
    if (device) offer("connect", false);
    say(device ? text.enrolled(device.staff) : text.code_invalid);
  } catch (error) {
    if (!(error instanceof Later)) throw error;
    say(text.enrol_offline);
  } finally {
    place("connect").disabled = false;
  }
  await send();
}

async function begin() {
  const tag = tapOf(location);
  if (tag) {
    await read(tag);
  } else if (location.pathname === "/enrol" && location.hash) {
    code = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    say(text.enrolling, text.enrolling_more);
    offer("connect", true);
  } else if (!tap && place("connect").hidden) {
    say((await current()) ? text.idle : text.unknown_phone);
  }
  await send();
}

document.documentElement.lang = language;
for (const id of ["came", "left", "connect"]) place(id).textContent = text[id];
place("came").addEventListener("click", () => void chosen("in"));
place("left").addEventListener("click", () => void chosen("out"));
place("connect").addEventListener("click", () => void connect());
// The next tag may open in the page that is there already.
addEventListener("hashchange", () => void begin());
addEventListener("online", () => void send());
// Who puts the phone away has nothing more to say.
document.addEventListener("visibilitychange", () => void (document.hidden && tap ? chosen("auto") : send()));
pages.addEventListener("message", ({ data: results }) => {
  told(results);
  void count();
});
navigator.serviceWorker?.register("/worker.js").catch(() => {}); // without it the page needs coverage to open
void begin();
