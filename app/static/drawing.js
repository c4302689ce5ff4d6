// Strokes and pictures → the sheet on the screen, and the file that the service gets.

import { $, colour, isBlank, items, pen, picture, strokes, view } from "./state.js";

const SENT_SIDE = 224; // px of a drawing as it is sent: 8 for each of the network's
const PEN_WIDTH = 1 / 13; // of the side, about as MNIST's digits are written

export function paint() {
  const sheet = $("sheet");
  const side = Math.round(sheet.clientWidth * devicePixelRatio);
  if (sheet.width !== side) sheet.width = sheet.height = side;
  const context = sheet.getContext("2d");
  context.clearRect(0, 0, side, side);
  drawPicture(context, side);
  drawStrokes(context, side, colour("--ink"));
  if (pen.shown) drawPen(context, side);
  $("hint").hidden = !isBlank() || pen.shown;
  $("clear").disabled = isBlank();
  $("undo").disabled = items.length === 0;
}

function drawPicture(context, side) {
  const shown = picture();
  if (shown?.bitmap === undefined) return;
  if (shown.bitmap === null) {
    Object.assign(context, { fillStyle: colour("--quiet"), textAlign: "center" });
    context.font = `${side / 24}px system-ui, sans-serif`;
    context.fillText(shown.name || "This cannot be shown.", side / 2, side / 2, side * 0.9);
    return;
  }
  const { width, height } = shown.bitmap;
  const scale = side / Math.max(width, height);
  const left = (side - width * scale) / 2;
  const top = (side - height * scale) / 2;
  context.imageSmoothingEnabled = scale < 4;
  context.drawImage(shown.bitmap, left, top, width * scale, height * scale);
  const box = view.answer?.seen.box;
  if (!box) return;
  Object.assign(context, { strokeStyle: colour("--accent"), lineWidth: side / 200 });
  context.strokeRect(
    left + box.left * scale,
    top + box.top * scale,
    (box.right - box.left) * scale,
    (box.bottom - box.top) * scale,
  );
}

function drawPen(context, side) {
  Object.assign(context, { strokeStyle: colour("--accent"), lineWidth: side / 150 });
  context.beginPath();
  context.arc(pen.x * side, pen.y * side, (side * PEN_WIDTH) / 2, 0, 2 * Math.PI);
  context.stroke();
}

function drawStrokes(context, side, colour) {
  Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: colour });
  context.lineWidth = side * PEN_WIDTH;
  for (const { points } of strokes()) trace(context, points, side);
}

function trace(context, points, side) {
  const at = points.map(([x, y]) => [x * side, y * side]);
  context.beginPath();
  context.moveTo(...at[0]);
  for (let i = 1; i < at.length - 1; i++) {
    const [x, y] = at[i];
    context.quadraticCurveTo(x, y, (x + at[i + 1][0]) / 2, (y + at[i + 1][1]) / 2);
  }
  const [x, y] = at.at(-1);
  context.lineTo(x + 0.01, y); // a hair further, so that a dot is one
  context.stroke();
}

export async function asFile() {
  const brought = picture();
  if (brought) return brought.file;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SENT_SIDE;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
  drawStrokes(context, SENT_SIDE, "black");
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], "drawing.png", { type: "image/png" });
}
