// Columns that were measured at different steps, put side by side.

/** @typedef {{ steps: ArrayLike<number>, values: ArrayLike<number> }} Measured  steps ascending */

/** The steps of all these columns, ascending, each once. @param {Measured[]} columns */
export function allSteps(columns) {
  const [first, ...others] = columns;
  if (first && others.every((other) => sameSteps(first.steps, other.steps))) return Float64Array.from(first.steps);
  return Float64Array.from(new Set(columns.flatMap(({ steps }) => Array.from(steps)))).sort();
}

/**
 * A column at any steps: on the line between its neighbours, and beyond its ends what the end was.
 * @param {Measured} column
 * @param {ArrayLike<number>} at  ascending
 */
export function valuesAt({ steps, values }, at) {
  const last = steps.length - 1;
  let row = 0;
  return Float32Array.from(at, (step) => {
    while (row < last && /** @type {number} */ (steps[row + 1]) <= step) row++;
    const [low, high] = [steps[row] ?? 0, steps[row + 1] ?? Infinity];
    const [here, next] = [values[row] ?? NaN, values[row + 1] ?? NaN];
    return step <= low || row === last ? here : here + ((next - here) * (step - low)) / (high - low);
  });
}

/** A row for each step, with its number and a cell for each column, empty where nothing was measured. @param {Measured[]} columns */
export function rowsOf(columns) {
  const cells = columns.map(({ steps, values }) => new Map(Array.from(steps, (step, i) => [step, values[i]])));
  return Array.from(allSteps(columns), (step) => [step, ...cells.map((one) => one.get(step) ?? "")]);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function sameSteps(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
