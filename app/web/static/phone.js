// The page that a tag opens, and that enrols the phone. Loading it does nothing by itself: a tap is posted by an
// enrolled phone, and an enrolment begins with a press, so previews and reloads change nothing.

import { Later, choose, current, enrol, leave } from "./device.js";
import { decide, flush, heldMs, keep, latest, tapOf } from "./queue.js";
import { clock, elsewhere, language, said, text } from "./texts.js";

const UNDECIDED_MS = 12_000;
const place = (id) => document.getElementById(id);

let notice = null; // what is said before anything the phone remembers, until the next tag is read
let reason = null; // why taps are still waiting
let asked = null; // the tap that the choice is about
let code = null;
let timer;
const pages = new BroadcastChannel("taggad"); // every tag may open one more, and only one of them sends

function say(sentence, more = "", alert = false) {
  if (place("said").textContent !== sentence) place("said").textContent = sentence;
  place("more").textContent = more;
  place("more").classList.toggle("alert", alert);
}

/** Say what the phone knows, whoever has sent or was told of it: this page, another, or the worker. */
async function show() {
  const { tap, result, waiting } = await latest();
  const device = await current();
  const nobody = Boolean(device?.shared && !device.shift);
  place("user").hidden = !nobody || code !== null;
  place("leave").hidden = !device?.shift;
  if (device?.shift) place("leave").textContent = text.leave(device.shift.staff);
  asked = !notice && tap && !tap.sent && heldMs(tap) ? tap : null;
  place("choice").hidden = !asked;
  if (notice) say(...notice);
  else if (asked) say(text.asking(clock(tap.tapped_at)), text.asking_more);
  else if (tap) say(text[reason ?? "sending"]);
  else if (result) say(said(result), elsewhere(result) ?? "", Boolean(result.doors));
  else if (nobody) say(text.nobody);
  else say(device ? text.idle : text.unknown_phone);
  place("waiting").textContent = waiting && !(tap && waiting === 1) ? text.waiting(waiting) : "";
  return asked;
}

/** Send what is queued, say what became of the tap read last, and come back when some is left. */
async function send() {
  let again = null;
  try {
    if ((await flush()).size) pages.postMessage(null);
    reason = "busy"; // whatever it was that is left, it is kept
  } catch (error) {
    const later = error instanceof Later ? error : new Later("busy");
    if (later.results?.size) pages.postMessage(null);
    reason = later.reason;
    again = later.seconds * 1000;
  }
  const held = await show();
  if (held) again = heldMs(held);
  if (again !== null) wake(again);
}

function wake(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(() => void send(), milliseconds);
}

async function read(tag) {
  place("connect").hidden = true;
  notice = reason = null;
  const device = await current();
  if (device?.shared && !device.shift) {
    notice = [text.choose_first]; // a tap is somebody's, and nobody has said whose
    return;
  }
  try {
    await keep(tag, UNDECIDED_MS);
  } catch {
    notice = [text.unsaved];
    return;
  }
  history.replaceState(null, "", location.pathname);
  // The worker sends it, should nobody be here when it is held no more.
  void navigator.serviceWorker?.ready.then(({ active }) => active.postMessage(null));
}

async function chosen(direction) {
  if (!asked) return;
  await decide(asked.id, direction);
  reason = null;
  await show();
  await send();
}

async function connect() {
  place("connect").disabled = true;
  try {
    const device = await enrol(code);
    if (device) place("connect").hidden = true;
    if (device) code = null;
    notice = [device ? text[device.shared ? "shared" : "enrolled"](device.staff) : text.code_invalid];
  } catch (error) {
    if (!(error instanceof Later)) throw error;
    notice = [text.enrol_offline];
  } finally {
    place("connect").disabled = false;
  }
  await show();
  await send();
}

async function use(event) {
  event.preventDefault();
  const [staff, pin, pinCode] = ["staff", "pin", "pin_code"].map((id) => place(id).value.trim());
  place("choose").disabled = true;
  try {
    const refusal = await choose(await current(), staff, pin, pinCode);
    notice = refusal ? [text[refusal] ?? text.pin_wrong] : null;
    if (!refusal) place("user").reset();
  } catch (error) {
    if (!(error instanceof Later)) throw error;
    notice = [text.enrol_offline];
  } finally {
    place("pin").value = "";
    place("choose").disabled = false;
  }
  await show();
  await send();
}

async function stop() {
  const device = await current();
  if (device?.shift) await leave(device);
  notice = null;
  await show();
  await send();
}

async function begin() {
  const tag = tapOf(location);
  if (tag) {
    await read(tag);
  } else if (location.pathname === "/enrol" && location.hash) {
    code = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    notice = [text.enrolling, text.enrolling_more];
    place("connect").hidden = false;
  }
  await show();
  await send();
}

document.documentElement.lang = language;
for (const id of ["came", "left", "connect", "choose"]) place(id).textContent = text[id];
for (const label of document.querySelectorAll("label")) label.textContent = text[label.htmlFor];
place("came").addEventListener("click", () => void chosen("in"));
place("left").addEventListener("click", () => void chosen("out"));
place("connect").addEventListener("click", () => void connect());
place("user").addEventListener("submit", (event) => void use(event));
place("leave").addEventListener("click", () => void stop());
// The next tag may open in the page that is there already.
addEventListener("hashchange", () => void begin());
addEventListener("online", () => void send());
document.addEventListener("visibilitychange", () => void (document.hidden || send()));
pages.addEventListener("message", () => void show());
// Without it the page needs coverage to open, and itself to send.
navigator.serviceWorker?.register("/worker.js", { type: "module", updateViaCache: "none" }).catch(() => {});
void begin();
