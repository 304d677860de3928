// A run that broke off is cut where it leaves the picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { exitOf } from "../../static/surface/flags.mjs";
import { pathData } from "../../static/surface/marks.mjs";
import { makeViewport } from "../../static/surface/viewport.mjs";

const margin = { l: 0, r: 0, t: 0, b: 0 };
const viewport = makeViewport([0, 10, 0, 10], 100, 100, margin); // 10 px a unit, y upwards
const run = (/** @type {number[]} */ x, /** @type {number[]} */ y, broke = true) =>
  /** @type {any} */ ({ recording: { broke, columns: { x, y, step: x } } });

test("the way out is cut at the side that it crosses first", () => {
  // From (5, 5) to (25, 9): it leaves at x = 10, a quarter of the way, where y = 6.
  assert.deepEqual(exitOf(run([5, 25, -1e9], [5, 9, 1e9]), viewport), { step: 1, x: 100, y: 40 });
  // From (5, 5) to (6, -45): at y = 0, a tenth of the way.
  assert.deepEqual(exitOf(run([4, 5, 6], [5, 5, -45]), viewport), { step: 2, x: 51, y: 100 });
});

test("one that comes back leaves when it leaves for good; one that breaks off in sight ends there", () => {
  assert.deepEqual(exitOf(run([5, 20, 5, 5], [5, 5, 5, 25]), viewport), { step: 3, x: 50, y: 0 });
  assert.deepEqual(exitOf(run([5, 6, NaN], [5, 7, NaN]), viewport), { step: 1, x: 60, y: 30 });
});

test("one that goes on is not cut, nor one that was never in sight", () => {
  assert.equal(exitOf(run([5, 25], [5, 9], false), viewport), null);
  assert.equal(exitOf(run([50, 60], [50, 60]), viewport), null);
});

test("the path ends at the edge", () => {
  const gone = run([5, 25, -1e9], [5, 9, 1e9]);
  assert.equal(pathData(gone, viewport, 0, 2), "M50.0 50.0L100.0 40.0");
  assert.equal(pathData(gone, viewport, 0, 0), "M50.0 50.0");
  assert.equal(pathData(gone, viewport, 2, 2), "");
  assert.match(pathData(run([5, 25], [5, 9], false), viewport, 0, 1), /L250\.0 10\.0$/);
});
