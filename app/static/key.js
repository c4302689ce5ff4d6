// The key of a service that wants one. It is kept in the tab's own storage, which ends with the tab;
// where the browser lets a page keep nothing, until the page is left.

import { $ } from "./state.js";

const NAME = "rowscan-key";

let key = inStorage((storage) => storage.getItem(NAME));

export const hasKey = () => key !== null;

export const keyHeaders = () => (hasKey() ? { "X-API-Key": key } : {});

export function forgetKey() {
  key = null;
  inStorage((storage) => storage.removeItem(NAME));
}

export function takeKey() {
  key = $("key").value;
  inStorage((storage) => storage.setItem(NAME, key));
  $("key").value = "";
}

function inStorage(use) {
  try {
    return use(sessionStorage);
  } catch {
    return null;
  }
}
