// Who this phone is: a key pair that never leaves it, and short tokens got by signing with it.

import { get, put } from "./store.js";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const ASSERTION_SECONDS = 120;
const EARLY_MS = 60_000;
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Not now: no coverage, or a service that is busy. What is queued stays. */
export class Later extends Error {
  constructor(reason, seconds = 30) {
    super(reason);
    this.reason = reason;
    this.seconds = seconds;
  }
}

const tokens = new Map();
let ahead = 0; // milliseconds that our clock stands before the service's

/** `fetch` that gives an answer, or throws Later. */
export async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", redirect: "error", keepalive: true, ...options });
  } catch {
    throw new Later("offline");
  }
  if (answer.status === 429 || answer.status >= 500) {
    throw new Later("busy", Number(answer.headers.get("Retry-After")) || 30);
  }
  return answer;
}

/** What an answer says; a café's login page that answers in the service's place says nothing. Throws Later. */
export async function read(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Later("offline");
  }
}

/** The device that this phone is, null before it is enrolled. A shared one has a `shift` while somebody uses it. */
export async function current() {
  const ref = await get("settings", "device");
  const device = ref && (await get("devices", ref));
  if (device?.shift && Date.parse(device.shift.ends_at) <= Date.now() - ahead) return stopped(device);
  return device;
}

async function stopped(device) {
  const left = { ...device, shift: null };
  await put("devices", left);
  return left;
}

/** Enrol this phone with a code; gives the device, or null for a code that is not valid. Throws Later. */
export async function enrol(code) {
  const keys = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const answer = await post("/v1/devices/enrol", { code, public_key: { kty, crv, x, y } });
  if (answer.status !== 201) return null;
  const { device: ref, staff, shared, municipality } = await read(answer);
  const device = { ref, staff, shared, municipality, key: keys.privateKey };
  await put("devices", device);
  await put("settings", ref, "device");
  return device;
}

/** Choose who uses a shared phone, first setting the PIN where a code for it is given. Gives the code of a refusal, or null. */
export async function choose(device, staff, pin, code) {
  if (code) {
    const set = await post("/v1/pins", { code, pin });
    if (!set.ok) return (await read(set)).code;
  }
  const begin = async () => post("/v1/work-shifts", { assertion: await assertion(device), staff, pin });
  const answer = await onTime(begin, 401);
  const told = await read(answer);
  if (answer.status !== 201) return told.code;
  await put("devices", { ...device, shift: { id: told.id, staff, ends_at: told.ends_at } });
  learn(device.ref, told.id, told);
  return null;
}

/** Leave a shared phone. What could not be told now is told by whoever chooses it next, or by the end of the shift. */
export async function leave(device) {
  const headers = { Authorization: `Bearer ${await token(device.ref, device.shift.id).catch(() => "")}` };
  await ask(`/v1/work-shifts/${device.shift.id}/end`, { method: "POST", headers }).catch(() => null);
  forget(device.ref, device.shift.id);
  await stopped(device);
}

/** A token of the device, and of its user in a work shift. Throws Later, with `untrusted` when it is refused one. */
export async function token(ref, shift) {
  const known = tokens.get(named(ref, shift));
  if (known && Date.now() < known.until) return known.token;
  const device = await get("devices", ref);
  const answer = await onTime(() => request(device, shift), 400);
  if (!answer.ok) throw new Later("untrusted", 300);
  return learn(ref, shift, await read(answer));
}

export function forget(ref, shift) {
  tokens.delete(named(ref, shift));
}

const named = (ref, shift) => `${ref} ${shift ?? ""}`;

function learn(ref, shift, { access_token: text, expires_in: seconds }) {
  tokens.set(named(ref, shift), { token: text, until: Date.now() + seconds * 1000 - EARLY_MS });
  return text;
}

/** Ask again by the service's clock where an assertion is refused: a phone's own may be hours off. */
async function onTime(request, refused) {
  const answer = await request();
  if (answer.status !== refused) return answer;
  const now = Date.parse(answer.headers.get("Date"));
  if (!Number.isNaN(now)) ahead = Date.now() - now;
  return request();
}

function post(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function request(device, shift) {
  const form = new URLSearchParams({ grant_type: GRANT, assertion: await assertion(device) });
  if (shift) form.set("work_shift", shift);
  return ask("/oauth/token", { method: "POST", body: form });
}

async function assertion({ ref, key }) {
  const exp = Math.floor((Date.now() - ahead) / 1000) + ASSERTION_SECONDS;
  const claims = { iss: ref, sub: ref, aud: "taggad", exp, jti: crypto.randomUUID() };
  const head = `${encoded({ alg: "ES256", typ: "JWT" })}.${encoded(claims)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new TextEncoder().encode(head));
  return `${head}.${base64url(String.fromCharCode(...new Uint8Array(signature)))}`;
}

const encoded = (value) => base64url(JSON.stringify(value));
const base64url = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
