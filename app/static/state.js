// What the parts of the page share: its elements, what is on the sheet, what the service said.

export const ROWS = 28;
export const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export const $ = (id) => document.getElementById(id);
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

// Strokes { points }, pictures { file, bitmap, name }, clearings {}. One that is `fresh` begins the
// sheet anew; what was there before comes back by undoing.
export const items = [];
export const pen = { x: 0.5, y: 0.5, shown: false, stroke: null };
export const view = { state: "idle", answer: null, row: ROWS, replaying: 0, saying: 0, watching: 0 };

function onSheet() {
  return items.slice(Math.max(0, items.findLastIndex((item) => item.fresh)));
}

export const picture = () => onSheet().find((item) => item.file);
export const strokes = () => onSheet().filter((item) => item.points);
export const isBlank = () => !picture() && strokes().length === 0;
