// The mapping between the plane of a surface and the pixels of a picture, and the ticks at its sides.

import { number } from "../ui/format.mjs";

/**
 * @typedef {{ l: number, r: number, t: number, b: number }} Margin  in px
 * @typedef {{ values: number[], texts: string[] }} Ticks
 * @typedef {{
 *   box: number[],
 *   width: number,
 *   height: number,
 *   margin: Margin,
 *   ticks: { x: Ticks, y: Ticks },
 *   x: (value: number) => number,
 *   y: (value: number) => number,
 *   point: (px: number, py: number) => [number, number],
 *   rounded: (point: [number, number]) => [number, number],
 * }} Viewport
 */

const MOST_TICKS = 5;
const LETTER = 0.62; // of the text's size: how wide a digit is
// Far enough outside to be clipped, near enough for a browser to draw lines to.
const FAR = 20000;

/**
 * The viewport of a picture of this size that shows `wanted`, widened to the picture's shape.
 * @param {number[]} wanted  x_low, x_high, y_low, y_high
 * @param {number} width  of the whole picture, in px
 * @param {number} height
 * @param {number} [textSize]  of ticks, in px
 */
export function viewportOf(wanted, width, height, textSize = 12) {
  const first = marginOf(wanted, textSize);
  const margin = marginOf(fit(wanted, width, height, first), textSize);
  return makeViewport(fit(wanted, width, height, margin), width, height, margin, textSize);
}

/**
 * @param {number[]} box  x_low, x_high, y_low, y_high
 * @param {number} width  of the whole picture, in px
 * @param {number} height
 * @param {Margin} [margin]
 * @param {number} [textSize]
 * @returns {Viewport}
 */
export function makeViewport(box, width, height, margin = marginOf(box, 12), textSize = 12) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  const inner = { width: width - margin.l - margin.r, height: height - margin.t - margin.b };
  return {
    box,
    width,
    height,
    margin,
    ticks: {
      x: ticksAcross(x0, x1, inner.width, textSize),
      y: ticksOf(y0, y1, Math.min(Math.max(Math.floor(inner.height / (3 * textSize)), 2), MOST_TICKS)),
    },
    x: (value) => clamp(margin.l + ((value - x0) / (x1 - x0)) * inner.width),
    y: (value) => clamp(margin.t + ((y1 - value) / (y1 - y0)) * inner.height),
    point: (px, py) => [
      x0 + ((px - margin.l) / inner.width) * (x1 - x0),
      y1 - ((py - margin.t) / inner.height) * (y1 - y0),
    ],
    rounded: ([x, y]) => [roundedWithin(x, x1 - x0), roundedWithin(y, y1 - y0)],
  };
}

/**
 * Round numbers between two, at most so many, with texts that tell them apart.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {Ticks}
 */
export function ticksOf(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power;
  for (const factor of [1, 2, 5, 10, 20]) {
    step = factor * power;
    if (Math.floor(high / step) - Math.ceil(low / step) + 1 <= most) break;
  }
  const first = Math.ceil(low / step);
  const values = Array.from({ length: Math.max(Math.floor(high / step) - first + 1, 0) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  const largest = Math.max(...values.map(Math.abs), step);
  const digits = Math.min(Math.max(Math.ceil(Math.log10(largest / step) + 1e-9) + 1, 2), 12);
  return { values, texts: values.map((value) => number(value, digits)) };
}

/** Ticks below the picture: so few that none touches the next. @param {number} low @param {number} high @param {number} width @param {number} textSize */
function ticksAcross(low, high, width, textSize) {
  for (let most = MOST_TICKS; most > 1; most--) {
    const ticks = ticksOf(low, high, most);
    if (ticks.values.length * (longest(ticks) * LETTER + 1.5) * textSize <= width) return ticks;
  }
  return ticksOf(low, high, 1);
}

/** Room for the ticks: at the left as wide as the longest of them. @param {number[]} box @param {number} textSize @returns {Margin} */
function marginOf([, , low = 0, high = 1], textSize) {
  const letters = longest(ticksOf(low, high, MOST_TICKS));
  return { l: Math.ceil(letters * LETTER * textSize + 10), r: 10, t: 10, b: Math.ceil(2 * textSize) };
}

/** @param {Ticks} ticks */
function longest({ texts }) {
  return Math.max(0, ...texts.map((text) => text.length));
}

/**
 * `box` widened so that a unit is equally long both ways in a picture of this size: only then do
 * gradients stand at right angles to the contour lines.
 * @param {number[]} box
 * @param {number} width
 * @param {number} height
 * @param {Margin} margin
 */
function fit(box, width, height, margin) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  const inner = { width: Math.max(width - margin.l - margin.r, 1), height: Math.max(height - margin.t - margin.b, 1) };
  const unit = Math.max((x1 - x0) / inner.width, (y1 - y0) / inner.height);
  const [halfX, halfY] = [(unit * inner.width) / 2, (unit * inner.height) / 2];
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [x - halfX, x + halfX, y - halfY, y + halfY];
}

/**
 * `box` scaled by `factor` about the point (x, y).
 * @param {number[]} box
 * @param {number} factor
 * @param {number} x
 * @param {number} y
 */
export function zoom(box, factor, x, y) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  return [x - (x - x0) * factor, x + (x1 - x) * factor, y - (y - y0) * factor, y + (y1 - y) * factor];
}

/** @param {number[]} box @param {number} dx @param {number} dy */
export function shift(box, dx, dy) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  return [x0 + dx, x1 + dx, y0 + dy, y1 + dy];
}

/** `value` to about a ten-thousandth of `span`, which is less than a pixel. @param {number} value @param {number} span */
function roundedWithin(value, span) {
  const digits = Math.ceil(-Math.log10(span / 1e4));
  return Number(value.toFixed(Math.min(Math.max(digits, 0), 100)));
}

/** @param {number} px */
function clamp(px) {
  return Math.min(Math.max(px, -FAR), FAR);
}
