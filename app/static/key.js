// The key of a service that wants one. It is kept in the tab's own storage, which ends with the tab.

import { $ } from "./state.js";

const NAME = "rowscan-key";

export const hasKey = () => sessionStorage.getItem(NAME) !== null;

export const keyHeaders = () => (hasKey() ? { "X-API-Key": sessionStorage.getItem(NAME) } : {});

export const forgetKey = () => sessionStorage.removeItem(NAME);

export function takeKey() {
  sessionStorage.setItem(NAME, $("key").value);
  $("key").value = "";
}
