// The small line of a column in a table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sparkline } from "../../static/run/tensors.mjs";

test("a small line spans its box, from the first value to the last", () => {
  assert.equal(sparkline([1, 3, 2], 100, 24), "M0.0 22.0h0L50.0 2.0L100.0 12.0");
  assert.equal(sparkline([1], 100, 24), "");
  assert.equal(sparkline(undefined), "");
});

test("gaps stay gaps, what is alone is a dot, and they tell nothing of the heights", () => {
  assert.equal(sparkline([1, null, Number.NaN, 3], 90, 24), "M0.0 22.0h0M90.0 2.0h0");
  assert.equal(sparkline([null, null], 90, 24), "");
});

test("any number of values makes a line of few points, and no peak is lost", () => {
  const values = new Float32Array(500_000);
  values[123_456] = 7;
  const points = sparkline(values, 96, 20).split("L");
  assert.ok(points.length <= 2 * 96);
  assert.equal(points.filter((point) => point.endsWith(" 2.0")).length, 1);
});
