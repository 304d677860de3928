// Places of a surface and pixels of its picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeViewport, ticksOf, viewportOf } from "../../static/surface/viewport.mjs";

test("a start is rounded to less than a pixel, in few digits", () => {
  const wide = makeViewport([-5, 5, -5, 5], 800, 800);
  assert.deepEqual(wide.rounded([-2.123456789, 1 / 3]), [-2.123, 0.333]);
  const near = makeViewport([1, 1.002, 1, 1.02], 800, 800);
  assert.deepEqual(near.rounded([1.00012345678, 1.0012345678]), [1.0001235, 1.001235]);
  const far = makeViewport([-1e7, 1e7, -1e7, 1e7], 800, 800);
  assert.deepEqual(far.rounded([1234567.89, -0.4]), [1234568, -0]);
});

test("ticks are round, at most so many, and their texts tell them apart", () => {
  assert.deepEqual(ticksOf(-5, 5, 5), { values: [-4, -2, 0, 2, 4], texts: ["−4", "−2", "0", "2", "4"] });
  for (const [low, high] of [
    [-3.1, 2.7],
    [1, 1.002],
    [-2e7, 2e7],
    [-0.0123, 0.4],
    [99999, 100001],
  ]) {
    const { values, texts } = ticksOf(Number(low), Number(high), 5);
    assert.ok(values.length >= 2 && values.length <= 5, `${values}`);
    assert.ok(values.every((value) => value >= Number(low) && value <= Number(high)));
    assert.equal(new Set(texts).size, texts.length, `${texts}`);
  }
});

test("there is room for the longest tick at the left, and ticks below never touch", () => {
  for (const box of [
    [-5, 5, -5, 5],
    [1.0001, 1.0002, 1.00001, 1.00002],
    [-2e7, 2e7, -2e7, 2e7],
  ])
    for (const width of [200, 390, 700]) {
      const { margin, ticks, x } = viewportOf(box, width, 300);
      assert.ok(margin.l >= 6 * Math.max(...ticks.y.texts.map((text) => text.length)));
      const [first = 0, second = 0] = ticks.x.values;
      if (ticks.x.values.length > 1) assert.ok(x(second) - x(first) >= 7 * Number(ticks.x.texts[0]?.length));
    }
});

test("a unit is equally long both ways, and the room is as wide as the ticks that are shown", () => {
  for (const box of [
    [-0.001, 0.004, -30, 5],
    [0, 1, 0.00101, 0.00102], // widened until its ticks are short
  ]) {
    const { x, y, ticks, margin } = viewportOf(box, 640, 400);
    assert.ok(Math.abs((x(1) - x(0)) / (y(0) - y(1)) - 1) < 1e-9);
    assert.ok(Math.max(ticks.x.values.length, ticks.y.values.length) <= 5);
    const longest = Math.max(...ticks.y.texts.map((text) => text.length));
    assert.ok(margin.l <= 7.6 * longest + 11, `${margin.l} px for ${ticks.y.texts}`);
  }
});
