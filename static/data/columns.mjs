// What a picture needs of a column: few points, and the range that holds them.

import { number } from "../ui/format.mjs";

const MAX_POINTS = 500;

/**
 * The steps at which a run's column was measured: its own where it has some, else those of all columns.
 * @param {{ columns: Record<string, Float32Array>, steps?: Record<string, Float64Array> }} run
 * @param {string} column
 * @returns {Float32Array | Float64Array | undefined}
 */
export function stepsOf(run, column) {
  return run.steps?.[column] ?? run.columns.step;
}

/**
 * The last row that was measured at or before `step`; 0 if none was.
 * @param {ArrayLike<number>} steps  ascending
 * @param {number} step
 */
export function rowAt(steps, step) {
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (/** @type {number} */ (steps[middle]) <= step) low = middle;
    else high = middle - 1;
  }
  return Math.max(low, 0);
}

/**
 * The rows to draw of these values: all of few, else the lowest and highest of each stretch.
 * @param {Float32Array} values
 * @param {number[] | null} range  of rows
 * @param {number} [most]
 * @returns {number[]}
 */
export function thin(values, range, most = MAX_POINTS) {
  const from = Math.max(Math.floor(range?.[0] ?? 0) - 1, 0);
  const to = Math.min(Math.ceil(range?.[1] ?? Infinity) + 1, values.length - 1);
  const length = to - from + 1;
  if (length <= most) return Array.from({ length: Math.max(length, 0) }, (_, i) => from + i);
  // The first and the last always; of the rows between them the extremes.
  const [inner, buckets] = [length - 2, most / 2 - 1];
  const rows = [from];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const first = from + 1 + Math.floor((bucket * inner) / buckets);
    const end = from + 1 + Math.floor(((bucket + 1) * inner) / buckets);
    let [low, high] = [first, first];
    let [lowest, highest] = [Infinity, -Infinity];
    for (let i = first; i < end; i++) {
      const value = values[i] ?? NaN; // NaN is neither
      if (value < lowest) [low, lowest] = [i, value];
      if (value > highest) [high, highest] = [i, value];
    }
    rows.push(...(low === high ? [low] : [Math.min(low, high), Math.max(low, high)]));
  }
  rows.push(to);
  return rows;
}

/**
 * Exponentially smoothed values, without the pull of the first one; gaps stay gaps.
 * @param {Float32Array} values
 * @param {number} weight  of what came before, in [0, 1)
 */
export function smooth(values, weight) {
  let [sum, total] = [0, 0];
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

/**
 * A Plotly axis that holds all finite values, with a little air and ticks at round places. Computed
 * here because it is cheaper than Plotly's own, which lays out text to find out.
 * @param {Iterable<ArrayLike<number>>} columns
 * @param {boolean} logarithmic  of the values' size
 */
export function axisFor(columns, logarithmic) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of columns) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? NaN;
      const shown = logarithmic ? Math.log10(Math.abs(value)) : value;
      if (shown < low && shown > -Infinity) low = shown;
      if (shown > high && shown < Infinity) high = shown;
    }
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
