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

export async function current() {
  const ref = await get("settings", "device");
  return ref && get("devices", ref);
}

/** Enrol this phone with a code; gives the device, or null for a code that is not valid. Throws Later. */
export async function enrol(code) {
  const keys = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const answer = await ask("/v1/devices/enrol", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code, public_key: { kty, crv, x, y } }),
  });
  if (answer.status !== 201) return null;
  const { device: ref, staff, municipality } = await read(answer);
  const device = { ref, staff, municipality, key: keys.privateKey };
  await put("devices", device);
  await put("settings", ref, "device");
  return device;
}

/** A token of the device with this ref. Throws Later, with the reason `untrusted` when it is refused one. */
export async function token(ref) {
  const known = tokens.get(ref);
  if (known && Date.now() < known.until) return known.token;
  const device = await get("devices", ref);
  let answer = await request(device);
  if (answer.status === 400) {
    // A phone's clock may be hours off; the service says what time it is.
    const now = Date.parse(answer.headers.get("Date"));
    if (!Number.isNaN(now)) ahead = Date.now() - now;
    answer = await request(device);
  }
  if (!answer.ok) throw new Later("untrusted", 300);
  const { access_token: text, expires_in: seconds } = await read(answer);
  tokens.set(ref, { token: text, until: Date.now() + seconds * 1000 - EARLY_MS });
  return text;
}

export function forget(ref) {
  tokens.delete(ref);
}

async function request(device) {
  const form = new URLSearchParams({ grant_type: GRANT, assertion: await assertion(device) });
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
