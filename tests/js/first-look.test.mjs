// What suits a formula is put in, and what was chosen by hand stays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { suited } from "../../static/surface/first-look.mjs";

const CATALOGUE = {
  optimizers: [
    { id: "sgd", step_size: "gradient", demo: {} },
    { id: "adamw", step_size: "adaptive", demo: {} },
  ],
};
const before = { box: [-3, 3, -3, 3], start: [-2, 1], lr_gradient: 0.5, lr_adaptive: 0.05, steps: 200 };
const now = { box: [15, 25, -4, 4], start: [17, 2], lr_gradient: 0.01, lr_adaptive: 0.07, steps: 900 };
const view = (/** @type {number} */ gradient, /** @type {number} */ adaptive, steps = 200, starts = [[-2, 1]]) =>
  /** @type {any} */ ({
    runners: [
      { optimizer: "sgd", hyper: { lr: gradient, weight_decay: 0.1 } },
      { optimizer: "adamw", hyper: { lr: adaptive, weight_decay: 0.1 } },
    ],
    starts,
    steps,
  });
const rates = (/** @type {any} */ patch) => patch.runners.map((/** @type {any} */ r) => r.hyper.lr);

test("the first suggestion takes everything", () => {
  const patch = suited(view(9, 9, 9), /** @type {any} */ (now), null, CATALOGUE);
  assert.deepEqual([rates(patch), patch.steps, patch.starts], [[0.01, 0.07], 900, [[17, 2]]]);
  assert.equal(patch.runners?.[0]?.hyper.weight_decay, 0.1, "and nothing else of a runner");
});

test("later ones leave alone what was chosen by hand since", () => {
  const patch = suited(view(0.3, 0.05, 77), /** @type {any} */ (now), /** @type {any} */ (before), CATALOGUE);
  assert.deepEqual([rates(patch), patch.steps], [[0.3, 0.07], undefined]);
});

test("a start that is in sight stays", () => {
  assert.deepEqual(suited(view(1, 1, 1, [[20, 0]]), /** @type {any} */ (now), null, CATALOGUE).starts, undefined);
});
