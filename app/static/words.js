// What the page says, in words and numbers. Nothing here touches the page.

import { ROWS } from "./state.js";

export function verdict({ state, answer, title, detail }) {
  switch (state) {
    case "idle":
      return ["?", "Nothing to read yet", "Draw a digit, or bring a picture of one."];
    case "reading":
      return ["…", "Reading", ""];
    case "answered":
      return [answer.digit, thisIs(answer), `The network is ${percent(answer.confidence)} sure.`];
    case "abstained":
      return ["?", thisIs(answer), `It is unlike the digits that the network knows. If it had to be one: ${answer.digit}.`];
    case "busy":
      return ["…", "One moment", `${detail} This page keeps trying.`];
    case "locked":
      return ["!", "This service wants a key", detail];
    case "down":
      return ["!", "No answer", "The service cannot be reached. This page goes on as soon as it can."];
    default:
      return ["!", title, detail];
  }
}

const thisIs = (answer) => (answer.is_digit ? `This is ${aDigit(answer.digit)}` : "Not a digit");

// The headline beside bars that show the belief after some rows only.
export function inTheEnd(answer, row) {
  if (row === ROWS) return thisIs(answer);
  return answer.is_digit ? `In the end ${aDigit(answer.digit)}` : "In the end not a digit";
}

export function facts({ answer, totalMs, serviceMs }) {
  const inside = serviceMs === null ? "" : `, ${milliseconds(serviceMs)} of it in the service`;
  return `Read in ${milliseconds(totalMs)}${inside}. Model version ${answer.model_version}.`;
}

export function rowText(rows, row, digit) {
  if (row === ROWS) return `All ${ROWS} rows read. ${settling(rows)}`;
  return `If the picture ended at row ${row}, it would be ${aDigit(digit)} (${percent(rows[row - 1][digit])}).`;
}

// From which row on the network does not change its mind.
export function settling(rows) {
  const digit = most(rows.at(-1));
  const settled = rows.findLastIndex((row) => most(row) !== digit) + 2; // the next, counted from 1
  return `From row ${settled} on it says ${digit}.`;
}

export const most = (row) => row.indexOf(Math.max(...row));

const aDigit = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
export const shortPercent = (p) => (p < 0.001 ? "< 0.1%" : p > 0.999 ? "> 99.9%" : `${(100 * p).toFixed(1)}%`);

function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  return probability < 0.001 ? "under 0.1%" : `${(100 * probability).toFixed(1)}%`;
}
