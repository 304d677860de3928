// One name at the end of each run's line, where there is room for all of them.

import { rowAt } from "../data/columns.mjs";
import { make } from "../ui/dom.mjs";

/** @typedef {import("./traces.mjs").Drawn} Drawn */

const [LETTER, LINE] = [0.6, 1.35]; // of a letter's width, about, and of a line's height, in sizes of the text
const WIDEST = 0.28; // of the chart
const ENOUGH = 560; // pixels of width from which the ends are named
const MOST = 6; // runs: more are named by the key and the cursor

/**
 * The pixels that names at the ends of lines take; 0 where they have no room.
 * @param {import("./series.mjs").Series[]} runs @param {number} width @param {number} height @param {number} size  of the text
 */
export function labelWidth(runs, width, height, size) {
  if (runs.length < 2 || runs.length > MOST || width < ENOUGH || runs.length * LINE * size > height) return 0;
  const longest = Math.max(...runs.map((run) => run.label.length));
  return Math.min(Math.ceil(longest * LETTER * size) + 12, Math.floor(WIDEST * width));
}

/**
 * Puts each run's name beside the end of its heaviest line, moved apart where lines end close together.
 * @param {HTMLElement} place
 * @param {Drawn[]} drawn
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {{ width: number, size: number, logarithmic: boolean, end: number }} view  `end`: the last step in sight
 */
export function placeLabels(place, drawn, at, { width, size, logarithmic, end }) {
  const items = (width ? namedLines(drawn) : []).map(({ run, shown, steps }) => {
    let row = rowAt(steps, end);
    const isDrawn = (/** @type {number} */ value) => Number.isFinite(value) && !(logarithmic && value <= 0);
    while (row > 0 && !isDrawn(shown[row] ?? NaN)) row -= 1; // the line ends before its gap
    const y = at.y(shown[row] ?? 0);
    return { run, y: Number.isFinite(y) ? Math.min(Math.max(y, at.top), at.bottom) : at.bottom };
  });
  const height = LINE * size;
  spread(items, at.top + height / 2, at.bottom - height / 2, height);
  place.replaceChildren(
    ...items.map(({ run, y }) =>
      make(
        "div",
        {
          class: "name",
          title: run.label,
          style: `color: ${run.colour}; width: ${width - 8}px; transform: translate(${at.right + 6}px, ${y - height / 2}px)`,
        },
        make("bdi", {}, run.label),
      ),
    ),
  );
}

/**
 * The line of each run that carries its name: the heaviest, the first of equals.
 * @param {Drawn[]} drawn
 */
export function namedLines(drawn) {
  /** @type {Map<import("./series.mjs").Series, Drawn>} */
  const found = new Map();
  for (const line of drawn) {
    const before = found.get(line.run);
    if (!before || (line.width ?? 0) > (before.width ?? 0)) found.set(line.run, line);
  }
  return [...found.values()];
}

/**
 * Moves the items' y apart, from the top down and back from the bottom up.
 * @param {{ y: number }[]} items @param {number} top @param {number} bottom @param {number} height
 */
export function spread(items, top, bottom, height) {
  items.sort((a, b) => a.y - b.y);
  let floor = top;
  for (const item of items) {
    item.y = Math.max(item.y, floor);
    floor = item.y + height;
  }
  let ceiling = bottom;
  for (const item of items.toReversed()) {
    item.y = Math.min(item.y, ceiling);
    ceiling = item.y - height;
  }
}
