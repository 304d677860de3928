// What is asked of single columns: rows, steps, extremes, few points for many.

/** @typedef {{ steps: ArrayLike<number>, values: ArrayLike<number> }} Measured  steps ascending */

const MAX_POINTS = 500;

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
 * The lowest and the highest finite value; [∞, −∞] where there is none.
 * @param {ArrayLike<number | null>} values
 * @param {(value: number) => number} [scale]  applied first
 * @returns {[number, number]}
 */
export function extent(values, scale = (value) => value) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = scale(values[i] ?? NaN);
    if (value < low && value > -Infinity) low = value;
    if (value > high && value < Infinity) high = value;
  }
  return [low, high];
}

/**
 * The rows to draw of these values: all of few, else the first, the last, and the lowest and highest of each stretch;
 * where values that are not finite lay between two of these, also the first of them. The same as the server's
 * (`thinned` in optim_core/recording.py), which thins before it sends.
 * @param {ArrayLike<number | null>} values
 * @param {number[] | null} [range]  of rows
 * @param {number} [most]
 * @returns {number[]}
 */
export function thin(values, range = null, most = MAX_POINTS) {
  const from = Math.max(Math.floor(range?.[0] ?? 0) - 1, 0);
  const to = Math.min(Math.ceil(range?.[1] ?? Infinity) + 1, values.length - 1);
  const length = to - from + 1;
  if (length <= most) return Array.from({ length: Math.max(length, 0) }, (_, i) => from + i);
  const finite = (/** @type {number} */ row) => Number.isFinite(values[row] ?? NaN);
  const broken = Array.from({ length }, (_, i) => from + i).filter((row) => !finite(row));
  const room = broken.length ? Math.floor(most / 2) : most; // half is for the gaps
  const stretches = Math.max(Math.floor((room - 2) / 2), 1);
  const rows = [from];
  const keep = (/** @type {number} */ row) => row > /** @type {number} */ (rows.at(-1)) && rows.push(row);
  let first = from;
  for (let i = 1; i <= stretches; i++) {
    const end = from + Math.floor(((length - 1) / stretches) * i) + 1;
    let [low, high] = [first, first];
    let [lowest, highest] = [Infinity, -Infinity];
    for (let row = first; row < end; row++) {
      const value = finite(row) ? Number(values[row]) : NaN; // which is neither
      if (value < lowest) [low, lowest] = [row, value];
      if (value > highest) [high, highest] = [row, value];
    }
    keep(Math.min(low, high));
    keep(Math.max(low, high));
    first = end;
  }
  keep(to);
  return broken.length ? withGaps(rows, broken) : rows;
}

/** These rows, and the first broken one between any two of them. @param {number[]} rows @param {number[]} broken  both ascending */
function withGaps(rows, broken) {
  let at = 0;
  return rows.flatMap((row) => {
    const first = /** @type {number} */ (broken[at]);
    while (at < broken.length && /** @type {number} */ (broken[at]) <= row) at++;
    return first < row ? [first, row] : [row];
  });
}

/**
 * Exponentially smoothed values, without the pull of the first one; gaps stay gaps.
 * @template {Float32Array | Float64Array} T
 * @param {T} values
 * @param {number} weight  of what came before, in [0, 1)
 * @returns {T}
 */
export function smooth(values, weight) {
  let [sum, total] = [0, 0];
  return /** @type {T} */ (
    values.map((value) => {
      if (!Number.isFinite(value)) return value;
      sum = weight * sum + (1 - weight) * value;
      total = weight * total + (1 - weight);
      return sum / total;
    })
  );
}

/** The steps of all these columns, ascending, each once. @param {Measured[]} columns */
export function allSteps(columns) {
  const [first, ...others] = columns;
  if (first && others.every((other) => sameSteps(first.steps, other.steps))) return Float64Array.from(first.steps);
  return Float64Array.from(new Set(columns.flatMap(({ steps }) => Array.from(steps)))).sort();
}

/** A row for each step, with its number and a cell for each column, empty where nothing was measured. @param {Measured[]} columns */
export function rowsOf(columns) {
  const cells = columns.map(({ steps, values }) => new Map(Array.from(steps, (step, i) => [step, values[i]])));
  return Array.from(allSteps(columns), (step) => [step, ...cells.map((one) => cell(one.get(step)))]);
}

/** A number as the server's tables write it: nan, inf and -inf as every reader of CSV knows them. @param {number | undefined} value */
function cell(value) {
  if (value === undefined || Number.isFinite(value)) return value ?? "";
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function sameSteps(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
