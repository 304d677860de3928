// What a runner's settings become when its optimizer is changed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { carriedOver } from "../../static/data/runner.mjs";

/** @param {string} step_size @param {Record<string, any>} suggested @param {Record<string, number>} defaults */
const optimizer = (step_size, suggested, defaults) => ({
  step_size,
  suggested,
  hyper: {
    properties: Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { default: value }])),
  },
});
const ADAMW = optimizer("adaptive", { lr: 1e-3, weight_decay: 0.1 }, { lr: 1e-3, weight_decay: 0.01, beta2: 0.999 });
const LION = optimizer("adaptive", { lr: 3e-4, weight_decay: 0.333 }, { lr: 1e-4, weight_decay: 0, beta2: 0.99 });
const SGD = optimizer("gradient", { lr: 0.2 }, { lr: 1e-3 });

test("what was suggested or a default follows the new optimizer", () => {
  assert.deepEqual(carriedOver({ lr: 1e-3, weight_decay: 0.1 }, ADAMW, LION), LION.suggested);
  assert.deepEqual(carriedOver({ lr: 1e-3, weight_decay: 0.1, beta2: 0.999 }, ADAMW, LION), LION.suggested);
});

test("what was chosen by hand goes along where the new optimizer has it", () => {
  assert.deepEqual(carriedOver({ lr: 1e-3, weight_decay: 0.5, beta2: 0.9 }, ADAMW, LION), {
    lr: 3e-4,
    weight_decay: 0.5,
    beta2: 0.9,
  });
  assert.deepEqual(carriedOver({ lr: 1e-3, weight_decay: 0.5, beta2: 0.9 }, ADAMW, SGD), { lr: 0.2 });
});

test("a learning rate goes along only between steps of one kind", () => {
  assert.equal(carriedOver({ lr: 5e-3 }, ADAMW, LION).lr, 5e-3);
  assert.equal(carriedOver({ lr: 5e-3 }, ADAMW, SGD).lr, 0.2);
});

test("an optimizer that is not known any more leaves nothing but what fits", () => {
  assert.deepEqual(carriedOver({ beta2: 0.9, gone: 1 }, { suggested: {} }, ADAMW), { ...ADAMW.suggested, beta2: 0.9 });
});
