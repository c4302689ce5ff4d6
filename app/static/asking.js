// What is put on the sheet is asked about: one request at a time, again when the service is busy, and
// as soon as it is back when it was gone.

import { health, readyWith, show, tell } from "./answer.js";
import { showCommand } from "./command.js";
import { asFile, paint } from "./drawing.js";
import { forgetKey, hasKey, keyHeaders } from "./key.js";
import { $, isBlank, items, pen, picture, view } from "./state.js";

const GAP_MS = 80; // between an answer and the next question, while somebody draws
const PATIENCE_MS = 20_000; // the service itself gives up after 10 s
const LONGEST_WAIT_S = 15;
const HEALTH_EVERY_MS = 2_000; // until the service can answer
const HEALTH_CALMLY_MS = 15_000; // as long as it can, and the page is looked at

let flight = null; // { abort, stale } of the request that is under way

export function beginStroke(point) {
  const stroke = { points: [point], fresh: Boolean(picture()) };
  items.push(stroke);
  changed({ replaced: stroke.fresh });
  return stroke;
}

export function clear() {
  pen.stroke = null;
  if (isBlank()) return;
  items.push({ fresh: true });
  changed({ replaced: true });
}

export function undo() {
  pen.stroke = null;
  items.pop();
  changed({ replaced: true });
}

export async function bring(file, name = "") {
  if (!file) return tell("There is no picture in that. Bring a file, or copy the picture itself.");
  pen.stroke = null;
  const item = { file, name, bitmap: undefined, fresh: true };
  items.push(item);
  changed({ replaced: true });
  // What the browser cannot show may still be read; the service says so if not.
  item.bitmap = await createImageBitmap(file).catch(() => null);
  paint();
}

export function changed({ replaced = false } = {}) {
  if (replaced) {
    flight?.abort.abort();
    flight = null;
    view.answer = null;
  }
  $("answer").ariaBusy = String(!isBlank());
  if (isBlank()) show({ state: "idle" });
  else if (flight) flight.stale = true;
  else fly();
  paint();
}

async function fly(tries = 0) {
  const mine = { abort: new AbortController(), stale: false };
  flight = mine;
  if (tries === 0) show({ state: "reading" });
  const file = await asFile();
  const outcome = await ask(file, mine.abort.signal);
  if (flight !== mine) return;
  $("answer").ariaBusy = String(mine.stale);
  show(outcome);
  if (outcome.state === "down") lost();
  showCommand(file);
  const isBusy = outcome.state === "busy";
  const waitMs = isBusy ? 1e3 * Math.min(LONGEST_WAIT_S, outcome.retryAfterS * 2 ** tries) : GAP_MS;
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  if (flight !== mine) return;
  flight = null;
  if (isBusy) fly(tries + 1);
  else if (mine.stale) fly();
}

async function ask(file, signal) {
  const body = new FormData();
  body.append("file", file);
  const began = performance.now();
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const options = { method: "POST", headers: keyHeaders(), body, signal: patience };
    const response = await fetch("predict?explain=true", options);
    const answer = await response.json().catch(() => ({})); // a proxy's error may be a page
    return outcomeOf(response, answer, performance.now() - began);
  } catch {
    if (signal.aborted || !picture() || !(await isAlive())) return { state: "down" };
    return {
      state: "refused",
      mayHelp: true,
      title: "This did not arrive",
      detail: "The service is there, but has not got this file. It may be too large, may have been moved, or the connection broke.",
    };
  }
}

function outcomeOf(response, answer, totalMs) {
  if (response.ok && answer.rows) {
    const state = answer.is_digit ? "answered" : "abstained";
    return { state, answer, totalMs, serviceMs: serviceMs(response) };
  }
  const { title = "No answer", detail = `The service answered with status ${response.status}.` } = answer;
  if (response.status === 429 || response.status === 503) {
    const retryAfterS = Number(response.headers.get("Retry-After")) || 1;
    return { state: "busy", detail, retryAfterS };
  }
  if (response.status === 401) {
    const told = hasKey() ? "That was not its key." : "Whoever runs it can give you one.";
    forgetKey();
    return { state: "locked", detail: told };
  }
  return { state: response.status < 500 && !response.ok ? "refused" : "failed", title, detail };
}

function serviceMs(response) {
  const total = /\btotal;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
  return total && Number(total[1]);
}

async function isAlive() {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetch("health/live", { signal }).then((response) => response.ok, () => false);
}

export async function watchHealth() {
  clearTimeout(view.watching);
  if (document.hidden) return; // looked at again, it asks again
  try {
    const response = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    const { status, model } = await response.json();
    if (status === "ready") {
      const isBack = $("service").dataset.health !== "ready";
      health("ready", readyWith(model.version));
      if (view.state === "down" || (isBack && view.state === "busy")) changed({ replaced: true });
      watchAgain(HEALTH_CALMLY_MS);
      return;
    }
    const told = { loading: "The model is being loaded …", draining: "The service is stopping" };
    health("waiting", told[status] ?? "The service has no model");
    watchAgain(HEALTH_EVERY_MS);
  } catch {
    lost();
  }
}

function lost() {
  health("down", "The service does not answer");
  watchAgain(HEALTH_EVERY_MS);
}

function watchAgain(afterMs) {
  clearTimeout(view.watching);
  view.watching = setTimeout(watchHealth, afterMs);
}
