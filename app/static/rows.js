// As it reads: the picture that the network saw, its belief after each row, the ten bars.

import { $, colour, DIGITS, reducedMotion, ROWS, view } from "./state.js";
import { inTheEnd, most, rowText, settling, shortPercent } from "./words.js";

export function showReading() {
  const { answer } = view;
  $("seen").hidden = !answer;
  $("row").disabled = $("replay").disabled = !answer;
  drawBeliefs(answer?.rows ?? []);
  if (answer) $("seen").src = answer.seen.image;
  $("beliefs").ariaLabel = answer
    ? `Belief after each row. ${settling(answer.rows)}`
    : "Nothing read yet";
  showRow(ROWS);
}

export function drawBeliefs(rows) {
  const context = $("beliefs").getContext("2d");
  context.clearRect(0, 0, DIGITS.length, ROWS);
  context.fillStyle = colour("--accent");
  rows.forEach((row, y) =>
    row.forEach((probability, digit) => {
      context.globalAlpha = probability ** 0.7; // the eye tells dark shades apart better than light ones
      context.fillRect(digit, y, 1, 1);
    }),
  );
}

function showRow(row) {
  view.row = row;
  const belief = view.answer?.rows[row - 1];
  const digit = belief ? most(belief) : null;
  DIGITS.forEach((i) => {
    const bar = $("bars").children[i];
    bar.classList.toggle("most", i === digit);
    $("columns").children[i].classList.toggle("most", i === digit);
    bar.querySelector(".bar").style.width = `${100 * (belief?.[i] ?? 0)}%`;
    bar.querySelector(".value").textContent = belief ? shortPercent(belief[i]) : "";
  });
  $("unread").style.top = `${(100 * row) / ROWS}%`;
  $("unread").hidden = !belief || row === ROWS;
  const told = belief ? rowText(view.answer.rows, row, digit) : "Here you will see its belief after each row.";
  $("at-row").textContent = told;
  $("row").value = row;
  $("row").ariaValueText = told;
  if (belief) $("headline").textContent = inTheEnd(view.answer, row);
}

export function replay() {
  if (view.replaying) return stopReplay(ROWS);
  // Who wants no motion gets four stills.
  const [step, everyMs] = reducedMotion.matches ? [ROWS / 4, 900] : [1, 70];
  let row = 0;
  view.replaying = setInterval(() => {
    row += step;
    showRow(row);
    if (row >= ROWS) stopReplay();
  }, everyMs);
  $("replay").textContent = "Stop";
}

export function stopReplay(row) {
  clearInterval(view.replaying);
  view.replaying = 0;
  $("replay").textContent = "Replay";
  if (row) showRow(row);
}

export function scrub() {
  $("row").addEventListener("input", () => {
    stopReplay();
    showRow(Number($("row").value));
  });
  $("replay").addEventListener("click", replay);
  const pair = $("pair");
  const toPointer = (event) => {
    if (!view.answer || !(event.buttons & 1)) return;
    const { top, height } = pair.getBoundingClientRect();
    stopReplay();
    showRow(Math.min(ROWS, Math.max(1, Math.ceil(((event.clientY - top) / height) * ROWS))));
  };
  pair.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // no dragging of the picture away
    pair.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  pair.addEventListener("pointermove", toPointer);
}

export function addBars() {
  for (const digit of DIGITS) {
    const bar = document.createElement("li");
    for (const [name, text] of [["label", digit], ["track", ""], ["value", ""]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      bar.append(part);
    }
    const filled = document.createElement("span");
    filled.className = "bar";
    bar.querySelector(".track").append(filled);
    $("bars").append(bar);
    const column = document.createElement("span");
    column.textContent = digit;
    $("columns").append(column);
  }
}
