// Axes and thinned lines hold what there is to see.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axisFor, rowAt, thin } from "../../static/data/columns.mjs";

test("thinning keeps every peak, the order of rows and no more points than it may", () => {
  const values = Float32Array.from({ length: 20000 }, (_, i) => Math.sin(i / 50));
  values[12345] = 99;
  values[6789] = -99;
  const rows = thin(values, null);
  assert.ok(rows.length <= 500);
  assert.ok(rows.includes(12345) && rows.includes(6789));
  assert.deepEqual([rows[0], rows.at(-1)], [0, 19999]);
  assert.ok(rows.every((row, i) => i === 0 || row > rows[i - 1]));
});

test("few values are all kept, and a range keeps its neighbours", () => {
  const values = new Float32Array(40);
  assert.equal(thin(values, null).length, 40);
  assert.deepEqual(thin(values, [10, 12]), [9, 10, 11, 12, 13]);
});

test("an axis holds all finite values and ignores the others", () => {
  const { range } = axisFor(
    [
      [1, 2, Number.NaN],
      [Number.POSITIVE_INFINITY, -3],
    ],
    false,
  );
  assert.ok(range[0] < -3 && range[1] > 2);
  const log = axisFor([[0, 1e-4, -10]], true);
  assert.ok(log.range[0] < -4 && log.range[0] > -5 && log.range[1] > 1 && log.range[1] < 2);
  assert.deepEqual(axisFor([[]], false).range, [0, 1]);
  const constant = axisFor([[5, 5]], false).range;
  assert.ok(constant[0] < 5 && constant[1] > 5);
});

test("the row at a step is the last one measured by then", () => {
  const steps = [0, 10, 20, 21, 50];
  for (const [step, row] of [
    [-5, 0],
    [0, 0],
    [9, 0],
    [10, 1],
    [20.5, 2],
    [21, 3],
    [49, 3],
    [50, 4],
    [Number.POSITIVE_INFINITY, 4],
  ]) {
    assert.equal(rowAt(steps, step), row);
  }
  assert.equal(rowAt([], 3), 0);
});
