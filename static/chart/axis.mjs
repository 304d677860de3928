// The axes of a chart: which values they hold, what stands at their ticks, and where a value lies in pixels.

import { extent } from "../data/columns.mjs";
import { number, superscript } from "../ui/format.mjs";

const MOST_TICKS = 5;

/**
 * A Plotly axis that holds all finite values, with a little air and ticks at round places. Computed
 * here because it is cheaper than Plotly's own, which lays out text to find out.
 * @param {Iterable<ArrayLike<number | null>>} columns
 * @param {boolean} logarithmic  which leaves out what is 0 or less
 * @param {number} [most]  ticks
 */
export function axisFor(columns, logarithmic, most = MOST_TICKS) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of columns) {
    const [lowest, highest] = logarithmic ? extent(values, Math.log10) : extent(values);
    if (lowest < low) low = lowest;
    if (highest > high) high = highest;
  }
  if (low > high) return { type: logarithmic ? "log" : "linear", range: [0, 1], tickvals: [], ticktext: [] };
  // What differs by rounding alone is shown as level.
  const least = logarithmic ? 0.1 : 1e-3 * Math.max(Math.abs(high), Math.abs(low)) || 0.5;
  const air = Math.max(0.05 * (high - low), least);
  return rangedAxis([low - air, high + air], logarithmic, most);
}

/**
 * A Plotly axis with this range, of powers of ten where it is logarithmic, and ticks at round places.
 * @param {number[]} range @param {boolean} [logarithmic] @param {number} [most]  ticks
 */
export function rangedAxis(range, logarithmic = false, most = MOST_TICKS) {
  const [low = 0, high = 1] = range;
  const tickvals = logarithmic ? logTicks(low, high, most) : linearTicks(low, high, most);
  return { type: logarithmic ? "log" : "linear", range, tickvals, ticktext: tickTexts(tickvals) };
}

/** Round numbers between two, at most so many. @param {number} low @param {number} high @param {number} most */
function linearTicks(low, high, most) {
  const rough = (high - low) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 5, 10, 20, 50].map((times) => times * unit);
  for (const step of steps) {
    const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
    if (last - first + 1 > most) continue;
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  return [];
}

/** Powers of ten between two, and round numbers between them where there are few. @param {number} low @param {number} high @param {number} most */
function logTicks(low, high, most) {
  for (const times of [[1, 2, 5], [1, 3], [1]]) {
    const found = within(low, high, 1, times);
    if (found.length <= most && (found.length > 1 || times.length > 1)) {
      // Within less than a decade they are as on a linear axis.
      return found.length > 1 ? found : linearTicks(10 ** low, 10 ** high, most);
    }
  }
  for (let every = 2; ; every++) {
    const found = within(low, high, every, [1]);
    if (found.length <= most) return found;
  }
}

/** Each `every`-th power of ten in a range of exponents, times each of `times`. @param {number} low @param {number} high @param {number} every @param {number[]} times */
function within(low, high, every, times) {
  const found = [];
  for (let power = Math.floor(low / every) * every; power <= high; power += every)
    for (const time of times) {
      const at = power + Math.log10(time);
      if (at >= low - 1e-9 && at <= high + 1e-9) found.push(Number((time * 10 ** power).toPrecision(3)));
    }
  return found;
}

/**
 * What stands at ticks: 0.05, 2k, 10⁻³, all of them in one form.
 * @param {number[]} values
 */
export function tickTexts(values) {
  const sizes = values.filter((value) => value !== 0).map(Math.abs);
  const powers = sizes.length > 0 && (Math.min(...sizes) < 1e-3 || Math.max(...sizes) >= 1e9);
  const unit = Math.max(...sizes, 0) < 1e4 || powers ? "" : Math.min(...sizes) >= 1e6 ? "M" : "k";
  return values.map((value) => {
    if (value === 0) return "0";
    if (powers) return powerText(value);
    const divided = unit ? value / (unit === "M" ? 1e6 : 1e3) : value;
    return `${number(Number(divided.toPrecision(6)), 6)}${unit}`;
  });
}

/** 10⁻³, −2×10⁴. @param {number} value */
function powerText(value) {
  const [front = "", exponent = "0"] = Math.abs(value).toExponential(6).split("e");
  const mantissa = Number(Number(front).toPrecision(4));
  const power = Number(exponent) === 0 ? "1" : `10${superscript(Number(exponent))}`;
  return `${value < 0 ? "−" : ""}${mantissa === 1 ? power : Number(exponent) === 0 ? mantissa : `${mantissa}×${power}`}`;
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
