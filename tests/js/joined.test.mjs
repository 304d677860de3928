// Columns of different steps side by side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allSteps, rowsOf, valuesAt } from "../../static/data/align.mjs";
import { RunData } from "../../static/data/recording.mjs";

const tenth = { steps: [1, 10, 20], values: [5, 6, 7] };
const every = { steps: [1, 2, 10], values: [0.5, 0.25, 0.125] };

test("steps of all columns come in order and once", () => {
  assert.deepEqual([...allSteps([tenth, every])], [1, 2, 10, 20]);
  assert.deepEqual([...allSteps([tenth, tenth])], [1, 10, 20]);
});

test("a column is known between its steps and keeps its ends beyond them", () => {
  assert.deepEqual([...valuesAt(tenth, [0, 1, 5.5, 10, 15, 20, 99])], [5, 5, 5.5, 6, 6.5, 7, 7]);
  assert.deepEqual([...valuesAt({ steps: [3], values: [4] }, [1, 3, 9])], [4, 4, 4]);
});

test("rows have the real steps, and gaps where nothing was measured", () => {
  assert.deepEqual(rowsOf([tenth, every]), [
    [1, 5, 0.5],
    [2, "", 0.25],
    [10, 6, 0.125],
    [20, 7, ""],
  ]);
});

test("ηλ stands at the right steps, however the two were thinned", () => {
  const run = new RunData({ config: { hyper: { beta1: 0.9 } } });
  const lr = { step: [1, 400, 600, 1000], value: [1, 0.8, 0.5, 0.1] };
  const decay = { step: [1, 575, 576, 1000], value: [0, 0, 0.5, 0.5] };
  run.load([{ next_seq: 1, columns: { lr, weight_decay: decay }, events: [] }]);
  const { columns, steps } = run.view();
  const found = Object.fromEntries(Array.from(steps.expected_decay, (s, i) => [s, columns.expected_decay[i]]));
  assert.deepEqual(Object.keys(found).map(Number), [1, 400, 575, 576, 600, 1000]);
  assert.deepEqual([found[400], found[575]], [0, 0]);
  assert.ok(Math.abs(found[600] - 0.25) < 1e-6);
  assert.ok(Math.abs(found[1000] - 0.05) < 1e-6);
  assert.equal(steps.expected_angle, steps.expected_decay);
});
