"use strict";

// Makes a passkey on the account page, and logs in by one on the login page. The service says what to ask the device.

const said = document.getElementById("key-said");
const make = document.getElementById("make-key");
const use = document.getElementById("use-key");
// A passkey belongs to a name: at a bare address there is none to bind it to.
const able = "PublicKeyCredential" in window && !/^[\d.:[\]]+$/.test(location.hostname);

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(address, token, body) {
  const headers = { "Content-Type": "application/json", ...(token ? { "X-Taggad-Token": token } : {}) };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

async function create(options) {
  const listed = (options.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials: listed };
  return navigator.credentials.create({ publicKey });
}

async function get(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: [] };
  return navigator.credentials.get({ publicKey });
}

function offer(button, ask) {
  if (!button || !able) return;
  said.textContent = "";
  button.hidden = false;
  button.addEventListener("click", async () => {
    const { at, token, wait, failed } = button.dataset;
    button.disabled = true;
    said.textContent = wait;
    try {
      const credential = await ask(await post(`${at}/options`, token, {}));
      location.assign((await post(at, token, written(credential))).to);
    } catch {
      said.textContent = failed;
      button.disabled = false;
    }
  });
}

offer(make, create);
offer(use, get);
