// The mapping between the plane of a surface and the pixels of a picture.

/**
 * @typedef {{
 *   box: number[],
 *   width: number,
 *   height: number,
 *   x: (value: number) => number,
 *   y: (value: number) => number,
 *   point: (px: number, py: number) => [number, number],
 *   rounded: (point: [number, number]) => [number, number],
 * }} Viewport
 */

export const MARGIN = { l: 40, r: 8, t: 8, b: 24 };

// Far enough outside to be clipped, near enough for a browser to draw lines to.
const FAR = 20000;

/**
 * @param {number[]} box  x_low, x_high, y_low, y_high
 * @param {number} width  of the whole picture, in px
 * @param {number} height
 * @returns {Viewport}
 */
export function makeViewport(box, width, height) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  const inner = { width: width - MARGIN.l - MARGIN.r, height: height - MARGIN.t - MARGIN.b };
  return {
    box,
    width,
    height,
    x: (value) => clamp(MARGIN.l + ((value - x0) / (x1 - x0)) * inner.width),
    y: (value) => clamp(MARGIN.t + ((y1 - value) / (y1 - y0)) * inner.height),
    point: (px, py) => [
      x0 + ((px - MARGIN.l) / inner.width) * (x1 - x0),
      y1 - ((py - MARGIN.t) / inner.height) * (y1 - y0),
    ],
    rounded: ([x, y]) => [roundedWithin(x, x1 - x0), roundedWithin(y, y1 - y0)],
  };
}

/**
 * `box` widened so that a unit is equally long both ways in a picture of this size: only then do
 * gradients stand at right angles to the contour lines.
 * @param {number[]} box
 * @param {number} width
 * @param {number} height
 */
export function fit(box, width, height) {
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = box;
  const inner = { width: Math.max(width - MARGIN.l - MARGIN.r, 1), height: Math.max(height - MARGIN.t - MARGIN.b, 1) };
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
