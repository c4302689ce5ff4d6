// The page at /. A picture goes to the service, what it says is shown:
//
//     items on the sheet ─ asFile ─▶ POST predict?explain=true ─ outcome ─▶ show ─▶ showRow
//
// One request is under way at a time; what changes meanwhile is asked about next. A picture that is
// cleared or replaced takes its request back.

const ROWS = 28;
const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const SENT_SIDE = 224; // px of a drawing as it is sent: 8 for each of the network's
const PEN_WIDTH = 1 / 13; // of the side, about as MNIST's digits are written
const PEN_STEP = 1 / 28; // of the side, for each press of an arrow key
const GAP_MS = 80; // between an answer and the next question, while somebody draws
const PATIENCE_MS = 20_000; // the service itself gives up after 10 s
const LONGEST_WAIT_S = 15;
const HEALTH_EVERY_MS = 2_000;
const SAID_AFTER_MS = 600; // once the answer has stood for so long, it is read out
const INLINE_BASE64 = 90_000; // a shell takes 128 KiB an argument

const $ = (id) => document.getElementById(id);
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

// ── What is on the sheet ───────────────────────────────────────────────────────────────────────

// Strokes { points }, pictures { file, bitmap, name }, clearings {}. One that is `fresh` begins the
// sheet anew; what was there before comes back by undoing.
const items = [];
const pen = { x: 0.5, y: 0.5, shown: false, stroke: null };

function onSheet() {
  return items.slice(Math.max(0, items.findLastIndex((item) => item.fresh)));
}

const picture = () => onSheet().find((item) => item.file);
const strokes = () => onSheet().filter((item) => item.points);
const isBlank = () => !picture() && strokes().length === 0;

function beginStroke(point) {
  const stroke = { points: [point], fresh: Boolean(picture()) };
  items.push(stroke);
  changed();
  return stroke;
}

function clear() {
  pen.stroke = null;
  if (isBlank()) return;
  items.push({ fresh: true });
  changed({ replaced: true });
}

function undo() {
  pen.stroke = null;
  items.pop();
  changed({ replaced: true });
}

async function bring(file, name = "") {
  if (!file) return tell("There is no picture in that. Bring a file, or copy the picture itself.");
  const item = { file, name, bitmap: undefined, fresh: true };
  items.push(item);
  changed({ replaced: true });
  // What the browser cannot show may still be read; the service says so if not.
  item.bitmap = await createImageBitmap(file).catch(() => null);
  paint();
}

// ── Drawing it ─────────────────────────────────────────────────────────────────────────────────

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

function drawStrokes(context, side, colour) {
  Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: colour });
  context.lineWidth = side * PEN_WIDTH;
  for (const { points } of strokes()) trace(context, points, side);
}

function paint() {
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

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

async function asFile() {
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

// ── Asking ─────────────────────────────────────────────────────────────────────────────────────

let flight = null; // { abort, stale } of the request that is under way

function changed({ replaced = false } = {}) {
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
    const response = await fetch("predict?explain=true", { method: "POST", body, signal: patience });
    const answer = await response.json().catch(() => ({})); // a proxy's error may be a page
    return outcomeOf(response, answer, performance.now() - began);
  } catch {
    if (signal.aborted || !picture() || !(await isAlive())) return { state: "down" };
    return {
      state: "refused",
      title: "This did not arrive",
      detail: "The service is there, but did not take this file. It may be too large, or may have been moved.",
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
  return { state: response.status < 500 && !response.ok ? "refused" : "failed", title, detail };
}

function serviceMs(response) {
  const total = /\btotal;dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "");
  return total && Number(total[1]);
}

async function isAlive() {
  return fetch("health/live").then((response) => response.ok, () => false);
}

async function watchHealth() {
  clearTimeout(view.watching);
  try {
    const response = await fetch("health", { cache: "no-store" });
    const { status, model } = await response.json();
    if (status === "ready") {
      health("ready", readyWith(model.version));
      if (["down", "busy"].includes(view.state)) changed({ replaced: true });
      return;
    }
    const told = { loading: "The model is being loaded …", draining: "The service is stopping" };
    health("waiting", told[status] ?? "The service has no model");
    view.watching = setTimeout(watchHealth, HEALTH_EVERY_MS);
  } catch {
    lost();
  }
}

function lost() {
  health("down", "The service does not answer");
  clearTimeout(view.watching);
  view.watching = setTimeout(watchHealth, HEALTH_EVERY_MS);
}

const readyWith = (version) => `Ready, model version ${version}`;

function health(kind, text) {
  $("service").dataset.health = kind;
  $("service").textContent = text;
}

// ── Showing ────────────────────────────────────────────────────────────────────────────────────

const view = { state: "idle", answer: null, row: ROWS, replaying: 0, saying: 0, watching: 0 };

function show(outcome) {
  stopReplay();
  view.state = outcome.state;
  $("main").dataset.state = outcome.state;
  if (outcome.state === "reading" && view.answer) return; // the last answer stands meanwhile
  view.answer = outcome.answer ?? null;
  const [digit, headline, detail] = verdict(outcome);
  $("digit").textContent = digit;
  $("headline").textContent = headline;
  $("detail").textContent = detail;
  $("facts").textContent = outcome.answer ? facts(outcome) : "";
  $("again").hidden = outcome.state !== "failed"; // where else it helps, the page itself tries again
  if (outcome.answer) health("ready", readyWith(outcome.answer.model_version));
  if (outcome.state === "idle") showCommand(null);
  if (outcome.state === "down") lost();
  if (!["idle", "reading"].includes(outcome.state)) sayLater(`${headline}. ${detail}`);
  showReading();
  paint();
  // What is drawn is read while it is drawn; what is brought is read before their eyes, once.
  if (view.answer && picture() && !reducedMotion.matches) replay();
}

function verdict({ state, answer, title, detail }) {
  switch (state) {
    case "idle":
      return ["?", "Nothing to read yet", "Draw a digit, or bring a picture of one."];
    case "reading":
      return ["…", "Reading", ""];
    case "answered":
      return [answer.digit, `This is ${aDigit(answer.digit)}`, `The network is ${percent(answer.confidence)} sure.`];
    case "abstained":
      return ["?", "Not a digit", `It is unlike the digits that the network knows. If it had to be one: ${answer.digit}.`];
    case "busy":
      return ["…", "One moment", `${detail} This page keeps trying.`];
    case "down":
      return ["!", "No answer", "The service cannot be reached. This page goes on as soon as it can."];
    default:
      return ["!", title, detail];
  }
}

function facts({ answer, totalMs, serviceMs }) {
  const inside = serviceMs === null ? "" : `, ${milliseconds(serviceMs)} of it in the service`;
  return `Read in ${milliseconds(totalMs)}${inside}. Model version ${answer.model_version}.`;
}

const aDigit = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

function percent(probability) {
  if (probability > 0.999) return "over 99.9%";
  return probability < 0.001 ? "under 0.1%" : `${(100 * probability).toFixed(1)}%`;
}

// Something that is not about the picture on the sheet.
function tell(text) {
  $("detail").textContent = text;
  sayLater(text);
}

function sayLater(text) {
  clearTimeout(view.saying);
  view.saying = setTimeout(() => ($("said").textContent = text), SAID_AFTER_MS);
}

const most = (row) => row.indexOf(Math.max(...row));

// From which row on the network does not change its mind.
function settling(rows) {
  const digit = most(rows.at(-1));
  const settled = rows.findLastIndex((row) => most(row) !== digit) + 2; // the next, counted from 1
  return `From row ${settled} on it says ${digit}.`;
}

function showReading() {
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

function drawBeliefs(rows) {
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
  const told = belief ? rowText(row, digit, belief[digit]) : "Here you will see its belief after each row.";
  $("at-row").textContent = told;
  $("row").value = row;
  $("row").ariaValueText = told;
}

const shortPercent = (p) => (p < 0.001 ? "< 0.1%" : p > 0.999 ? "> 99.9%" : `${(100 * p).toFixed(1)}%`);

function rowText(row, digit, probability) {
  if (row === ROWS) return `All ${ROWS} rows read. ${settling(view.answer.rows)}`;
  return `If the picture ended at row ${row}, it would be ${aDigit(digit)} (${percent(probability)}).`;
}

function replay() {
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

function stopReplay(row) {
  clearInterval(view.replaying);
  view.replaying = 0;
  $("replay").textContent = "Replay";
  if (row) showRow(row);
}

// ── The curl command ───────────────────────────────────────────────────────────────────────────

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

async function showCommand(file) {
  const command = file ? await commandFor(file, picture()?.name) : "";
  if (file && isBlank()) return;
  $("curl").value = command;
  $("copy").disabled = !command;
}

async function commandFor(file, name) {
  const url = new URL("predict", document.baseURI).href;
  if (name || file.size > INLINE_BASE64 * 0.74) {
    const type = file.type || "application/octet-stream";
    return `curl -H 'Content-Type: ${type}' --data-binary @${quoted(name || "picture.png")} ${url}`;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `curl -H 'Content-Type: application/json' -d '{"image":"${base64}"}' ${url}`;
}

async function copy() {
  $("curl").select();
  // Without https, and not on this machine, pages have no clipboard but the old one.
  const written = navigator.clipboard?.writeText($("curl").value) ?? Promise.reject();
  await written.catch(() => document.execCommand("copy"));
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 2_000);
}

// ── Hands ──────────────────────────────────────────────────────────────────────────────────────

function pointOf(event) {
  const { left, top, width, height } = $("sheet").getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
}

function drawWithPointer() {
  const sheet = $("sheet");
  let stroke = null;
  sheet.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    sheet.setPointerCapture(event.pointerId);
    pen.shown = false;
    stroke = beginStroke(pointOf(event));
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!stroke || !event.isPrimary) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    stroke.points.push(...(moves.length ? moves : [event]).map(pointOf));
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => (stroke = null));
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function drawWithKeys(event) {
  const arrow = ARROWS[event.key];
  if (event.key === " ") {
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

function takePictures() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", ({ target }) => {
    bring(target.files[0], target.files[0]?.name);
    target.value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", ({ clipboardData }) => bring(clipboardData.files[0]));
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
    tell("The browser does not let this page read the clipboard.");
  }
}

const isImage = (type) => type.startsWith("image/");

function scrub() {
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

function addBars() {
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
  $("again").addEventListener("click", () => changed({ replaced: true }));
  $("copy").addEventListener("click", copy);
  document.addEventListener("keydown", (event) => {
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (isUndo && event.target !== $("curl") && items.length) undo();
  });
  darkScheme.addEventListener("change", () => {
    drawBeliefs(view.answer?.rows ?? []);
    paint();
  });
  new ResizeObserver(paint).observe($("sheet"));
}

addBars();
listen();
show({ state: "idle" });
watchHealth();
