// The curl command that asks about the picture on the sheet.

import { hasKey } from "./key.js";
import { $, isBlank, picture } from "./state.js";

const INLINE_BASE64 = 90_000; // a shell takes 128 KiB an argument

export async function showCommand(file) {
  const command = file ? await commandFor(file, picture()?.name) : "";
  if (file && isBlank()) return;
  $("curl").value = command;
  $("copy").disabled = !command;
}

async function commandFor(file, name) {
  const key = hasKey() ? '-H "X-API-Key: $ROWSCAN_API_KEY" ' : ""; // not the key itself
  const url = key + new URL("predict", document.baseURI).href;
  if (name || file.size > INLINE_BASE64 * 0.74) {
    const type = file.type || "application/octet-stream";
    return `curl -H 'Content-Type: ${type}' --data-binary @${quoted(name || "picture.png")} ${url}`;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `curl -H 'Content-Type: application/json' -d '{"image":"${base64}"}' ${url}`;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export async function copy() {
  $("curl").select();
  // Without https, and not on this machine, pages have no clipboard but the old one.
  const written = navigator.clipboard?.writeText($("curl").value) ?? Promise.reject();
  await written.catch(() => document.execCommand("copy"));
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 2_000);
}
