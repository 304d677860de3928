// Columns that were measured at different steps, put side by side.

/** @typedef {{ steps: ArrayLike<number>, values: ArrayLike<number> }} Measured  steps ascending */

/** The steps of all these columns, ascending, each once. @param {Measured[]} columns */
export function allSteps(columns) {
  const [first, ...others] = columns;
  if (first && others.every((other) => sameSteps(first.steps, other.steps))) return Float64Array.from(first.steps);
  return Float64Array.from(new Set(columns.flatMap(({ steps }) => Array.from(steps)))).sort();
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
