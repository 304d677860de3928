// Paths lie on the relief as it is drawn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { draped, surfaceOf } from "../../static/surface/relief.mjs";

/** @type {any} */
const grid = { x: [0, 1, 2], y: [0, 1, 2] };
const heights = [0, 1, 2].map((y) => Float64Array.from([0, 1, 2], (x) => (x === 1 ? 5 : 0) + y)); // a ridge along x = 1

test("the height between grid points is straight between theirs, and there is none outside", () => {
  const on = surfaceOf(grid, heights);
  assert.equal(on(1, 1), 6);
  assert.equal(on(0.5, 0.5), 3);
  assert.equal(on(2, 2), 2);
  assert.equal(on(2.1, 1), null);
  assert.equal(on(NaN, 1), null);
});

test("a step across a ridge climbs it", () => {
  const [x, y, z] = draped({ x: [0, 2], y: [0, 0] }, 1, surfaceOf(grid, heights), 0.25, 4);
  assert.deepEqual(
    [x, y, z],
    [
      [0, 0.5, 1, 1.5, 2],
      [0, 0, 0, 0, 0],
      [0.25, 2.75, 5.25, 2.75, 0.25],
    ],
  );
});

test("what leaves the picture is a gap", () => {
  const [x] = draped({ x: [1, 3, 1], y: [0, 0, 0] }, 2, surfaceOf(grid, heights), 0, 1);
  assert.deepEqual(x, [1, null, 1]);
});
