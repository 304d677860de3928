// A band: the space between two columns, or between the smallest and the largest of all tensors.

import { rowAt, thin } from "../data/columns.mjs";

const EACH = "{each}"; // in a column's name: every tensor

/**
 * Its edges at these steps, which tensors they are where it spans tensors, and the rows that are drawn, in pieces
 * between gaps.
 * @typedef {{ steps: ArrayLike<number>, low: (number | null)[], high: (number | null)[], lowest: string[],
 *   highest: string[], pieces: number[][] }} Band
 */

/**
 * @param {{ low: string, y: string }} columns  declared: the lower and the upper one
 * @param {import("../data/recording.mjs").Recording} recording
 * @param {{ range?: number[] | null, placed: (value: number | undefined) => number | null | undefined }} choices
 *   `placed`: a value where the axis has a place for it
 * @returns {Band | null}
 */
export function bandOf({ low: lower, y: upper }, recording, { range, placed }) {
  const spans = upper.includes(EACH);
  const names = spans ? recording.tensors : [""];
  const edge = (/** @type {string} */ column) =>
    names
      .map((name) => ({ name, column: column.replace(EACH, name) }))
      .filter((one) => recording.columns[one.column]?.length)
      .map((one) => ({ ...one, values: recording.columns[one.column] ?? [], steps: recording.steps(one.column) }));
  const [lows, highs] = [edge(lower), edge(upper)];
  const steps = highs[0]?.steps;
  if (!steps || !lows.length) return null;
  const found = /** @type {Band} */ ({ steps, low: [], high: [], lowest: [], highest: [], pieces: [] });
  for (let row = 0; row < steps.length; row++) {
    const least = outermost(lows, Number(steps[row]), -1, placed);
    const most = outermost(highs, Number(steps[row]), 1, placed);
    const whole = least.value !== null && most.value !== null;
    found.low.push(whole ? least.value : null);
    found.high.push(whole ? most.value : null);
    if (spans) found.lowest.push(least.name);
    if (spans) found.highest.push(most.name);
  }
  const inSight = range?.map((step) => rowAt(steps, step)) ?? null;
  /** @type {number[]} */
  let piece = [];
  for (const row of thin(found.high, inSight)) {
    if (found.high[row] !== null) piece.push(row);
    else if (piece.length) piece = [];
    if (piece.length === 1) found.pieces.push(piece);
  }
  return found.pieces.length ? found : null;
}

/**
 * The one that lies farthest down (−1) or up (1) at a step.
 * @param {{ name: string, values: ArrayLike<number>, steps: ArrayLike<number> }[]} edges @param {number} step
 * @param {-1 | 1} side @param {(value: number | undefined) => number | null | undefined} placed
 */
function outermost(edges, step, side, placed) {
  let best = { name: "", value: /** @type {number | null} */ (null) };
  for (const { name, values, steps } of edges) {
    const row = rowAt(steps, step);
    const value = Number(steps[row]) <= step ? placed(values[row]) : null;
    if (value === null || value === undefined) continue;
    if (best.value === null || side * value > side * best.value) best = { name, value };
  }
  return best;
}
