// What the phone keeps: taps until they have a verdict, and the keys it was enrolled with.

const VERSION = 1;
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("taggad", VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("taps", { keyPath: "id" });
      request.result.createObjectStore("devices", { keyPath: "ref" });
      request.result.createObjectStore("settings");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Run `work` on one store; gives what its request found, once the transaction is on disk. */
async function within(name, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

export const all = (name) => within(name, "readonly", (store) => store.getAll());
export const get = (name, key) => within(name, "readonly", (store) => store.get(key));
export const put = (name, value, key) => within(name, "readwrite", (store) => store.put(value, key));
export const drop = (name, key) => within(name, "readwrite", (store) => store.delete(key));

/** Change the records that are still there, in one transaction; gives them as they then are. */
export async function change(name, keys, fieldsOf) {
  const changed = [];
  await within(name, "readwrite", (store) => {
    for (const key of keys) {
      const request = store.get(key);
      request.onsuccess = () => {
        if (!request.result) return;
        changed.push({ ...request.result, ...fieldsOf(request.result) });
        store.put(changed.at(-1));
      };
    }
    return {};
  });
  return changed;
}
