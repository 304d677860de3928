// The labels at the lines' ends: name, and the value at the cursor.

import { rowAt } from "../data/columns.mjs";
import { make } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";

/** @typedef {import("./traces.mjs").Drawn} Drawn */

const HEIGHT = 14;

/**
 * Puts a label beside the end of each line, moved apart where lines end close together.
 * @param {HTMLElement} place
 * @param {Drawn[]} drawn
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {{ step: number, logarithmic: boolean, end: number }} view  `end`: the last step in sight
 */
export function placeLabels(place, drawn, at, { step, logarithmic, end }) {
  const several = new Set(drawn.map((d) => d.label)).size > 1;
  const alone = new Set(drawn.map((d) => d.run)).size === 1;
  const items = drawn.map((d) => {
    const values = d.shown;
    let lastRow = rowAt(d.steps, end);
    const isDrawn = (/** @type {number} */ value) => Number.isFinite(value) && !(logarithmic && value <= 0);
    while (lastRow > 0 && !isDrawn(values[lastRow] ?? NaN)) lastRow -= 1; // the line ends before its gap
    const y = at.y(values[lastRow] ?? 0);
    const value = values[rowAt(d.steps, step)];
    return { ...d, y: Number.isFinite(y) ? Math.min(Math.max(y, at.top), at.bottom) : at.bottom, value };
  });
  spread(items, at.top, at.bottom);
  while (place.children.length > items.length) place.lastElementChild?.remove();
  items.forEach((item, i) => {
    const label = place.children[i] ?? place.appendChild(empty());
    const [name, value] = /** @type {HTMLElement[]} */ ([...label.children]);
    const own = alone ? item.label : `${item.run.label} ${item.label}`;
    const text = several && item.label ? own : item.run.label;
    const words = name?.firstElementChild;
    if (name && words && words.textContent !== text) {
      words.textContent = name.title = text;
      // Too long, it is cut at its end; where runs differ in a setting, at its front: that stands behind.
      name.dir = item.run.label.includes(", ") ? "rtl" : "ltr";
    }
    if (value) value.textContent = valueText(item);
    const { style } = /** @type {HTMLElement} */ (label);
    style.color = item.run.colour;
    style.transform = `translate(${at.right + 6}px, ${item.y - HEIGHT / 2}px)`;
  });
}

/** A walk's NaN is no number at all, a measured one is a result. @param {Drawn & { value: number | undefined }} item */
function valueText({ run, value }) {
  return Number.isNaN(value) && run.recording.about.kind !== "trajectory" ? "NaN" : number(value, 3);
}

/**
 * Moves the items' y apart, from the top down and back from the bottom up.
 * @param {{ y: number }[]} items
 * @param {number} top
 * @param {number} bottom
 */
function spread(items, top, bottom) {
  items.sort((a, b) => a.y - b.y);
  const height = Math.min(HEIGHT, (bottom - top) / Math.max(items.length - 1, 1));
  let floor = -Infinity;
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

function empty() {
  return make("div", {}, make("span", { class: "name" }, make("bdi")), make("span", { class: "value" }));
}
