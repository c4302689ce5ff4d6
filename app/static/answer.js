// An outcome of asking → what the page shows and says of it.

import { showCommand } from "./command.js";
import { paint } from "./drawing.js";
import { replay, showReading, stopReplay } from "./rows.js";
import { $, picture, reducedMotion, view } from "./state.js";
import { facts, verdict } from "./words.js";

const SAID_AFTER_MS = 600; // once the answer has stood for so long, it is read out

export function show(outcome) {
  stopReplay();
  view.state = outcome.state;
  $("main").dataset.state = outcome.state;
  if (outcome.state === "reading" && view.answer) return; // the last answer stands meanwhile
  clearTimeout(view.saying); // of an answer that stands no longer
  view.answer = outcome.answer ?? null;
  const [digit, headline, detail] = verdict(outcome);
  $("digit").textContent = digit;
  $("headline").textContent = headline;
  $("detail").textContent = detail;
  $("note").textContent = "";
  $("facts").textContent = outcome.answer ? facts(outcome) : "";
  $("unlock").hidden = outcome.state !== "locked";
  $("again").hidden = outcome.state !== "failed" && !outcome.mayHelp; // else the page itself tries again
  if (outcome.answer) health("ready", readyWith(outcome.answer.model_version));
  if (outcome.state === "idle") showCommand(null);
  if (!["idle", "reading"].includes(outcome.state)) sayLater(`${headline}. ${detail}`);
  showReading();
  paint();
  // What is drawn is read while it is drawn; what is brought is read before their eyes, once.
  if (view.answer && picture() && !reducedMotion.matches) replay();
}

export function health(kind, text) {
  $("service").dataset.health = kind;
  $("service").textContent = text;
}

export const readyWith = (version) => `Ready, model version ${version}`;

// Something that is not about the picture on the sheet, whose answer stands.
export function tell(text) {
  $("note").textContent = text;
  sayLater(text);
}

function sayLater(text) {
  clearTimeout(view.saying);
  view.saying = setTimeout(() => ($("said").textContent = text), SAID_AFTER_MS);
}
