// Mouse, finger, keys, clipboard and files → strokes and pictures on the sheet.

import { tell } from "./answer.js";
import { beginStroke, bring, changed, clear } from "./asking.js";
import { paint } from "./drawing.js";
import { $, items, pen } from "./state.js";

const PEN_STEP = 1 / 28; // of the side, for each press of an arrow key

export function drawWithPointer() {
  const sheet = $("sheet");
  let stroke = null;
  sheet.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    sheet.setPointerCapture(event.pointerId);
    pen.shown = false;
    stroke = beginStroke(pointOf(event));
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!event.isPrimary || !stroke || stroke !== items.at(-1)) return; // it may have been undone
    const moves = event.getCoalescedEvents?.() ?? [];
    stroke.points.push(...(moves.length ? moves : [event]).map(pointOf));
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => (stroke = null));
}

function pointOf(event) {
  const { left, top, width, height } = $("sheet").getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function drawWithKeys(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const arrow = ARROWS[event.key];
  if (event.key === " ") {
    if (event.repeat) return event.preventDefault();
    pen.stroke = pen.stroke ? null : beginStroke([pen.x, pen.y]);
    $("said").textContent = pen.stroke ? "Pen down" : "Pen up";
  } else if (event.key === "Delete" || event.key === "Backspace") clear();
  else if (arrow) movePen(...arrow);
  else return;
  event.preventDefault();
  pen.shown = true;
  paint();
}

function movePen(right, down) {
  pen.x = Math.min(1, Math.max(0, pen.x + right * PEN_STEP));
  pen.y = Math.min(1, Math.max(0, pen.y + down * PEN_STEP));
  if (!pen.stroke) return;
  pen.stroke.points.push([pen.x, pen.y]);
  changed();
}

export function takePictures() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", ({ target }) => {
    bring(target.files[0], target.files[0]?.name);
    target.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", ({ clipboardData, target }) => {
    if (target !== $("key")) bring(clipboardData.files[0]);
  });
  $("paste").hidden = !navigator.clipboard?.read;
  $("paste").addEventListener("click", pasteByButton);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    bring(event.dataTransfer.files[0], event.dataTransfer.files[0]?.name);
  });
}

async function pasteByButton() {
  try {
    const copied = await navigator.clipboard.read();
    const item = copied.find(({ types }) => types.some(isImage));
    const type = item?.types.find(isImage);
    bring(item && new File([await item.getType(type)], "pasted", { type }));
  } catch {
    tell("The browser does not let this button read the clipboard. Paste by the keyboard instead.");
  }
}

const isImage = (type) => type.startsWith("image/");
