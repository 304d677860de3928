// The sentence that compares walks on a surface.

import assert from "node:assert/strict";
import { test } from "node:test";
import { averagingTime } from "../../static/forms/runner-fields.mjs";
import { verdict } from "../../static/surface/verdict.mjs";

/** Gradient descent with decay on (a x² + b y²)/2. @param {number} a @param {number} b @returns {any} */
function walk(a, b) {
  const columns = { step: [0], x: [-2], y: [3], grad_x: [NaN], grad_y: [NaN], loss: [0] };
  const parts = { decay_part_x: [0], decay_part_y: [0] };
  let [x, y] = [-2, 3];
  for (let t = 1; t <= 5; t++) {
    columns.grad_x.push(a * x);
    columns.grad_y.push(b * y);
    parts.decay_part_x.push(0.01 * x);
    parts.decay_part_y.push(0.02 * y);
    [x, y] = [x - 0.1 * a * x - 0.01 * x, y - 0.1 * b * y - 0.02 * y];
    columns.x.push(x);
    columns.y.push(y);
    columns.step.push(t);
    columns.loss.push((a * x * x + b * y * y) / 2);
  }
  return { label: "AdamW", recording: { columns: { ...columns, ...parts } } };
}

test("coordinates are steep and flat only where curvatures differ", () => {
  assert.match(verdict([walk(1, 5), walk(1, 5)], 5), /has shrunk the steep coordinate y by .* and the flat one x by/);
  assert.match(verdict([walk(1, 1), walk(1, 1)], 5), /AdamW has shrunk x by 4\.9\s% and y by 9\.6\s%/);
});

test("one step is one step", () => {
  assert.match(verdict([walk(1, 1), walk(1, 1)], 1), /^After 1 step, /);
  assert.match(verdict([walk(1, 1), walk(1, 1)], 2), /^After 2 steps, /);
});

test("a short averaging time keeps its digits", () => {
  assert.equal(
    averagingTime({ averaging_time: 0.2, hyper: { lr: 100, weight_decay: 0.05 } }),
    "τ = 1/(ηλ) = 0.2 steps",
  );
  assert.equal(averagingTime({ averaging_time: 1, hyper: { lr: 1, weight_decay: 1 } }), "τ = 1/(ηλ) = 1 step");
  assert.equal(
    averagingTime({ averaging_time: 200, hyper: { lr: 0.1, weight_decay: 0.05 } }),
    "τ = 1/(ηλ) = 200 steps",
  );
});

test("coordinates that decay took alike are told of together, up to half a percent apart", () => {
  /** Decay takes these shares of x and y in the one step. @param {number} x @param {number} y @returns {any} */
  const decayed = (x, y) => {
    const still = { step: [0, 1], x: [1, 1], y: [1, 1], grad_x: [NaN, 1], grad_y: [NaN, 1], loss: [1, 1] };
    return { label: "A", recording: { columns: { ...still, decay_part_x: [0, x], decay_part_y: [0, y] } } };
  };
  const told = (/** @type {number} */ x, /** @type {number} */ y) => verdict([decayed(x, y), decayed(x, y)], 1);
  assert.match(told(0.1, 0.1), /A has shrunk both by 10/);
  assert.match(told(0.1, 0.1004), /A has shrunk both by/);
  assert.match(told(0.1, 0.101), /A has shrunk the steep coordinate x by 10.* and the flat one y by 10/);
  assert.match(told(0, 0), /A has not decayed/);
});
