// Columns of different steps side by side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allSteps, rowsOf } from "../../static/data/align.mjs";

const tenth = { steps: [1, 10, 20], values: [5, 6, 7] };
const every = { steps: [1, 2, 10], values: [0.5, 0.25, 0.125] };

test("steps of all columns come in order and once", () => {
  assert.deepEqual([...allSteps([tenth, every])], [1, 2, 10, 20]);
  assert.deepEqual([...allSteps([tenth, tenth])], [1, 10, 20]);
});

test("rows have the real steps, and gaps where nothing was measured", () => {
  assert.deepEqual(rowsOf([tenth, every]), [
    [1, 5, 0.5],
    [2, "", 0.25],
    [10, 6, 0.125],
    [20, 7, ""],
  ]);
});
