// Axes hold what there is to see, and tell where it lies in pixels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axisFor, rangedAxis, scalesOf, tickTexts } from "../../static/chart/axis.mjs";

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
  assert.deepEqual(axisFor([[-5, 0]], true).tickvals, [], "it has nothing to show");
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

test("ticks are round, at most five, inside the range, and in one form", () => {
  for (let i = 0; i < 2000; i++) {
    const span = 10 ** (12 * Math.random() - 6);
    const low = (Math.random() - 0.5) * span * 10 ** (2 * Math.random());
    const { tickvals, ticktext } = rangedAxis([low, low + span]);
    assert.ok(tickvals.length >= 2 && tickvals.length <= 5, `${low} ${span}: ${tickvals}`);
    assert.ok(tickvals.every((tick) => tick >= low - span * 1e-6 && tick <= low + span * (1 + 1e-6)));
    assert.equal(new Set(ticktext).size, ticktext.length, `${ticktext}`);
    const [from, decades] = [12 * Math.random() - 6, 0.05 + 14 * Math.random() ** 2];
    const log = rangedAxis([from, from + decades], true);
    assert.ok(log.tickvals.length >= 1 && log.tickvals.length <= 5, `${from} ${decades}: ${log.tickvals}`);
    assert.ok(
      log.tickvals.every((tick) => Math.log10(tick) >= from - 1e-3 && Math.log10(tick) <= from + decades + 1e-3),
    );
    assert.equal(new Set(log.ticktext).size, log.ticktext.length, `${log.ticktext}`);
  }
});

test("ticks are short: thousands are k, what is small is a power of ten", () => {
  assert.deepEqual(tickTexts([0, 100, 200, 300, 400]), ["0", "100", "200", "300", "400"]);
  assert.deepEqual(tickTexts([0, 5000, 10000]), ["0", "5k", "10k"]);
  assert.deepEqual(tickTexts([2e6, 4e6]), ["2M", "4M"]);
  assert.deepEqual(tickTexts([0.01, 0.1, 1, 10]), ["0.01", "0.1", "1", "10"]);
  assert.deepEqual(tickTexts([1e-5, 1e-3, 0.1]), ["10⁻⁵", "10⁻³", "10⁻¹"]);
  assert.deepEqual(tickTexts([-2e-4, 0, 2e-4]), ["−2×10⁻⁴", "0", "2×10⁻⁴"]);
  assert.deepEqual(tickTexts([1e-4, 1]), ["10⁻⁴", "1"]);
});
