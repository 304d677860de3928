// Places of a surface and pixels of its picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeViewport } from "../../static/surface/viewport.mjs";

test("a start is rounded to less than a pixel, in few digits", () => {
  const wide = makeViewport([-5, 5, -5, 5], 800, 800);
  assert.deepEqual(wide.rounded([-2.123456789, 1 / 3]), [-2.123, 0.333]);
  const near = makeViewport([1, 1.002, 1, 1.02], 800, 800);
  assert.deepEqual(near.rounded([1.00012345678, 1.0012345678]), [1.0001235, 1.001235]);
  const far = makeViewport([-1e7, 1e7, -1e7, 1e7], 800, 800);
  assert.deepEqual(far.rounded([1234567.89, -0.4]), [1234568, -0]);
});
