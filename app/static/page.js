// The page at /. A picture goes to the service, what it says is shown:
//
//     hands ─ items on the sheet ─▶ asking ─ outcome ─▶ answer ─▶ rows
//
// One request is under way at a time; what changes meanwhile is asked about next. A picture that is
// cleared or replaced takes its request back.

import { show } from "./answer.js";
import { changed, clear, undo, watchHealth } from "./asking.js";
import { copy } from "./command.js";
import { paint } from "./drawing.js";
import { drawWithKeys, drawWithPointer, takePictures } from "./hands.js";
import { takeKey } from "./key.js";
import { addBars, drawBeliefs, scrub } from "./rows.js";
import { $, items, pen, view } from "./state.js";

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

function listen() {
  drawWithPointer();
  $("sheet").addEventListener("keydown", drawWithKeys);
  for (const change of ["focus", "blur"]) {
    $("sheet").addEventListener(change, ({ target }) => {
      pen.shown = target.matches(":focus-visible");
      paint();
    });
  }
  takePictures();
  scrub();
  $("undo").addEventListener("click", undo);
  $("clear").addEventListener("click", clear);
  $("unlock").addEventListener("submit", (event) => {
    event.preventDefault();
    takeKey();
    changed({ replaced: true });
  });
  $("again").addEventListener("click", () => changed({ replaced: true }));
  $("copy").addEventListener("click", copy);
  document.addEventListener("keydown", (event) => {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (isUndo && ![$("curl"), $("key")].includes(event.target) && items.length) undo();
  });
  darkScheme.addEventListener("change", () => {
    drawBeliefs(view.answer?.rows ?? []);
    paint();
  });
  document.addEventListener("visibilitychange", watchHealth);
  for (const change of ["online", "offline"]) window.addEventListener(change, watchHealth);
  new ResizeObserver(paint).observe($("sheet"));
}

addBars();
listen();
show({ state: "idle" });
watchHealth();
