// The axes of a chart: which values they hold, and where a value lies in pixels.

import { extent } from "../data/columns.mjs";
import { number } from "../ui/format.mjs";

/**
 * A Plotly axis that holds all finite values, with a little air and ticks at round places. Computed
 * here because it is cheaper than Plotly's own, which lays out text to find out.
 * @param {Iterable<ArrayLike<number | null>>} columns
 * @param {boolean} logarithmic  which leaves out what is 0 or less
 */
export function axisFor(columns, logarithmic) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of columns) {
    const [lowest, highest] = logarithmic ? extent(values, Math.log10) : extent(values);
    if (lowest < low) low = lowest;
    if (highest > high) high = highest;
  }
  if (low > high)
    return { type: logarithmic ? "log" : "linear", range: [0, 1], showticklabels: false, showgrid: false };
  // What differs by rounding alone is shown as level.
  const least = logarithmic ? 0.1 : 1e-3 * Math.max(Math.abs(high), Math.abs(low)) || 0.5;
  const air = Math.max(0.05 * (high - low), least);
  const range = [low - air, high + air];
  if (!logarithmic) return { type: "linear", range, nticks: 5 };
  const decades = high - low + 2 * air;
  if (decades > 1.2) return { type: "log", range, dtick: Math.ceil(decades / 5) };
  // Within a decade or so Plotly would write single digits: these are whole numbers.
  const tickvals = roundBetween(10 ** /** @type {number} */ (range[0]), 10 ** /** @type {number} */ (range[1]));
  return { type: "log", range, tickvals, ticktext: tickvals.map((value) => number(value, 3)) };
}

/** About four round numbers between two positive ones. @param {number} low @param {number} high */
function roundBetween(low, high) {
  const rough = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * (rough / unit > 5 ? 10 : rough / unit > 2 ? 5 : rough / unit > 1 ? 2 : 1);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}

/**
 * How a figure with this layout places numbers, in pixels from the corner of its element. Its size, margins and
 * ranges are all written in the layout: nothing is left to Plotly.
 * @param {{ width: number, height: number, margin: { l: number, r: number, t: number, b: number },
 *   xaxis: { range: number[] }, yaxis: { range: number[], type?: string } }} layout
 */
export function scalesOf({ width, height, margin, xaxis, yaxis }) {
  const [left, right, top, bottom] = [margin.l, width - margin.r, margin.t, height - margin.b];
  const [x0 = 0, x1 = 1] = xaxis.range;
  const [y0 = 0, y1 = 1] = yaxis.range;
  const logarithmic = yaxis.type === "log";
  const perStep = (right - left) / (x1 - x0);
  const perUnit = (bottom - top) / (y1 - y0);
  return {
    /** @param {number} step */
    x: (step) => left + (step - x0) * perStep,
    /** @param {number} value */
    y: (value) => bottom - ((logarithmic ? Math.log10(value) : value) - y0) * perUnit,
    /** @param {number} px */
    stepAt: (px) => x0 + (px - left) / perStep,
    left,
    right,
    top,
    bottom,
  };
}
