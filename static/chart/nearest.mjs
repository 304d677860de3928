// Which line the pointer is at.

import { rowAt } from "../data/columns.mjs";

const NEAR = 14; // pixels

/**
 * The key of the run whose line is nearest to a place, if any is near.
 * @param {import("./traces.mjs").Drawn[]} drawn
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {number} px @param {number} py
 * @returns {number | null}
 */
export function nearestRun(drawn, at, px, py) {
  if (px < at.left || px > at.right || py < at.top || py > at.bottom) return null;
  const step = at.stepAt(px);
  let [least, found] = [NEAR, /** @type {number | null} */ (null)];
  for (const { run, shown, steps } of drawn) {
    const row = rowAt(steps, step);
    const [x0, x1] = [Number(steps[row]), Number(steps[row + 1] ?? steps[row])];
    const [y0, y1] = [at.y(shown[row] ?? Number.NaN), at.y(shown[row + 1] ?? shown[row] ?? Number.NaN)];
    const share = x1 > x0 ? Math.min(Math.max((step - x0) / (x1 - x0), 0), 1) : 0;
    const distance = Math.abs(y0 + share * (y1 - y0) - py);
    if (distance < least) [least, found] = [distance, run.runner.key];
  }
  return found;
}
