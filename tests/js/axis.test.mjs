// Axes hold what there is to see, and tell where it lies in pixels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axisFor, scalesOf } from "../../static/chart/axis.mjs";

test("an axis holds all finite values and ignores the others", () => {
  const { range } = axisFor(
    [
      [1, 2, Number.NaN],
      [Number.POSITIVE_INFINITY, -3],
    ],
    false,
  );
  assert.ok(range[0] < -3 && range[1] > 2);
  const log = axisFor([[0, 1e-4, 10, -1000]], true);
  assert.ok(log.range[0] < -4 && log.range[0] > -5 && log.range[1] > 1 && log.range[1] < 2);
  assert.equal(axisFor([[-5, 0]], true).showticklabels, false, "it has nothing to show");
  assert.deepEqual(axisFor([[]], false).range, [0, 1]);
  const constant = axisFor([[5, 5]], false).range;
  assert.ok(constant[0] < 5 && constant[1] > 5);
});

const layout = {
  width: 300,
  height: 200,
  margin: { l: 50, r: 50, t: 10, b: 90 },
  xaxis: { range: [0, 400] },
  yaxis: { range: [-1, 1] },
};

test("numbers lie where the layout's size, margins and ranges put them", () => {
  const at = scalesOf(layout);
  assert.deepEqual([at.left, at.right, at.top, at.bottom], [50, 250, 10, 110]);
  assert.deepEqual([0, 100, 400].map(at.x), [50, 100, 250]);
  assert.deepEqual([-1, 0, 1].map(at.y), [110, 60, 10]);
  assert.equal(at.stepAt(at.x(123)), 123);
});

test("a logarithmic axis has its range in powers of ten, and no place for zero", () => {
  const at = scalesOf({ ...layout, yaxis: { range: [-1, 1], type: "log" } });
  assert.deepEqual([0.1, 1, 10].map(at.y), [110, 60, 10]);
  assert.ok(!Number.isFinite(at.y(0)));
});
