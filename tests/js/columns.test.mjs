// Single columns: thinned, searched, and side by side with others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allSteps, extent, rowAt, rowsOf, thin } from "../../static/data/columns.mjs";

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

test("between two rows that are drawn, no gap was thinned away", () => {
  const values = Float32Array.from({ length: 20000 }, (_, i) => Math.sin(i / 50));
  for (const row of [1, 2, 777, 778, 9000, 19998]) values[row] = row % 2 ? Number.NaN : Number.POSITIVE_INFINITY;
  values[12345] = 99;
  const rows = thin(values, null);
  assert.ok(rows.length <= 500 && rows.includes(12345));
  for (const [i, row] of rows.entries()) {
    const before = rows[i - 1] ?? 0;
    const between = values.subarray(before + 1, row);
    const finite = Number.isFinite(values[before]) && Number.isFinite(values[row]);
    assert.ok(!finite || between.every(Number.isFinite), `rows ${before} and ${row}`);
  }
});

test("few values are all kept, and a range keeps its neighbours", () => {
  const values = new Float32Array(40);
  assert.equal(thin(values, null).length, 40);
  assert.deepEqual(thin(values, [10, 12]), [9, 10, 11, 12, 13]);
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

test("the extremes are those of finite values, of as many as there are", () => {
  assert.deepEqual(extent([3, null, Number.NaN, -1, Number.POSITIVE_INFINITY, 2]), [-1, 3]);
  assert.deepEqual(extent([]), [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  const many = Float32Array.from({ length: 500_000 }, (_, i) => i);
  assert.deepEqual(extent(many), [0, 499_999]);
  assert.deepEqual(extent([10, 1000], Math.log10), [1, 3]);
});

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
  const broken = { steps: [1, 2, 3], values: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] };
  assert.deepEqual(rowsOf([broken]).flat(), [1, "nan", 2, "inf", 3, "-inf"]);
});
