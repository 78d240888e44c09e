// Taps on their way: kept first, sent when the phone may, dropped only on the service's own word about each.

import { Later, ask, current, forget, read, token } from "./device.js";
import { all, change, drop, get, put } from "./store.js";

const AT_ONCE = 100;
const TOO_MUCH_OR_UNREADABLE = [400, 413, 415, 422];
const LONGEST_PRESENCE_MS = 16 * 3600_000;

/** The tap that an address tells of, after `#` or `?`; null when it tells of none. */
export function tapOf(address) {
  const [, keyset] = /^\/t\/([^/]{1,64})$/.exec(address.pathname) ?? [];
  if (keyset === undefined) return null;
  for (const part of [address.hash, address.search]) {
    const given = new URLSearchParams(part.slice(1));
    const [e, c, uid] = ["e", "c", "uid"].map((name) => given.get(name) ?? "");
    if (/^[0-9A-Fa-f]{32}$/.test(e) && /^[0-9A-Fa-f]{16}$/.test(c)) return { keyset, e, c };
    if (/^([0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20})$/.test(uid)) return { uid };
  }
  return null;
}

/** Keep a tap, as one whose direction the service sees. For `heldMs` it waits for somebody to say which way it was. */
export async function keep(tag, heldMs) {
  const now = Date.now();
  const device = await current();
  const tap = {
    id: uuid7(now),
    tapped_at: new Date(now).toISOString(),
    direction: "auto",
    held_until: now + heldMs,
    device: device?.ref ?? null,
    shift: device?.shift?.id ?? null,
    tag,
  };
  await put("taps", tap);
}

/** Say which way a tap was, while it is unsent: what the service may have been told is not told otherwise. */
export const decide = (id, direction) => change("taps", [id], (tap) => (tap.sent ? {} : { direction, held_until: 0 }));

/** For how long a tap is still held. */
export const heldMs = (tap) => Math.max(0, (tap.held_until ?? 0) - Date.now());

/** What the phone knows of the tap read last: itself while it waits, else its result, and how many are waiting. */
export async function latest() {
  const taps = (await all("taps")).sort(byTime);
  const last = await get("settings", "last");
  const tap = taps.at(-1);
  if (tap && !(last?.tapped_at >= tap.tapped_at)) return { tap, waiting: taps.length };
  const stands = last && Date.now() - Date.parse(last.tapped_at) < LONGEST_PRESENCE_MS;
  const device = await current();
  const mine = stands && last.device === device?.ref && (last.shift ?? null) === (device?.shift?.id ?? null);
  return { result: mine ? last.result : null, waiting: taps.length };
}

const byTime = (one, other) => one.tapped_at.localeCompare(other.tapped_at);

/** Send what may be sent; gives the result of each tap that got one, by id. Throws Later when some are left for it. */
export function flush() {
  // One page at a time, however many are open.
  return navigator.locks.request("taggad-flush", async () => {
    const results = new Map();
    const ready = (await all("taps")).filter((tap) => !heldMs(tap));
    if (!ready.length) return results;
    const device = await current();
    if (!device) throw new Later("not_enrolled", 3600);
    ready.sort(byTime);
    // A tap goes out as the one whose phone it was then, should somebody else have it now.
    const byUser = new Map();
    for (const tap of ready) {
      const user = JSON.stringify({ ref: tap.device ?? device.ref, shift: tap.shift ?? null });
      byUser.set(user, [...(byUser.get(user) ?? []), tap]);
    }
    let failure;
    for (const [user, taps] of byUser) {
      try {
        for (let at = 0; at < taps.length; at += AT_ONCE) await deliver(JSON.parse(user), taps.slice(at, at + AT_ONCE), results);
      } catch (error) {
        if (!(error instanceof Later)) throw error;
        failure = error;
      }
    }
    if (failure) throw Object.assign(failure, { results });
    return results;
  });
}

async function deliver(user, taps, results) {
  let answer = await post(user, taps);
  if (answer.status === 401) {
    forget(user.ref, user.shift);
    answer = await post(user, taps);
  }
  if (answer.status === 200) {
    const told = await read(answer);
    for (const [at, result] of told.results.entries()) {
      if (!result.verdict) continue;
      results.set(taps[at].id, result);
      await remember(user, taps[at], result);
      await drop("taps", taps[at].id);
    }
  } else if (!TOO_MUCH_OR_UNREADABLE.includes(answer.status)) {
    throw new Later({ 401: "untrusted", 403: "not_employed" }[answer.status] ?? "busy");
  } else if (taps.length > 1) {
    const half = Math.ceil(taps.length / 2);
    await deliver(user, taps.slice(0, half), results);
    await deliver(user, taps.slice(half), results);
  }
  // A single one that cannot be read stays, and holds up no other.
}

async function remember({ ref: device, shift }, { tapped_at }, result) {
  const last = await get("settings", "last");
  if (!(last?.tapped_at > tapped_at)) await put("settings", { device, shift, tapped_at, result }, "last");
}

async function post({ ref, shift }, taps) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${await token(ref, shift)}` };
  const ids = taps.map(({ id }) => id);
  const items = (await change("taps", ids, () => ({ sent: true }))).map(({ id, tapped_at, direction, tag }) => ({ id, tapped_at, direction: direction ?? "auto", tag }));
  const body = JSON.stringify({ sent_at: new Date().toISOString(), taps: items });
  return ask("/v1/taps", { method: "POST", headers, body });
}

function uuid7(now) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(now / 65536));
  new DataView(bytes.buffer).setUint16(4, now % 65536);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
