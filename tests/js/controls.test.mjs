// Sliders, bounds of numbers, and which field an error is about.

import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf, sliderScale } from "../../static/forms/controls.mjs";
import { errorsAt } from "../../static/forms/form.mjs";

const rate = {
  type: "number",
  title: "",
  description: "",
  default: 0.001,
  minimum: 0,
  "x-slider": [1e-5, 10],
  "x-scale": "log",
};

test("a logarithmic slider has zero at its left end and its bounds at its ends", () => {
  const scale = sliderScale(/** @type {any} */ (rate));
  assert.equal(scale.value(0), 0);
  assert.equal(scale.position(0), 0);
  assert.equal(scale.value(1), 1e-5);
  assert.equal(scale.value(1000), 10);
});

test("positions and values go back and forth", () => {
  for (const property of [
    rate,
    { ...rate, minimum: 1, type: "integer", "x-slider": [1, 5000] },
    { ...rate, "x-scale": "linear", "x-slider": [-5, 5] },
  ]) {
    const scale = sliderScale(/** @type {any} */ (property));
    for (let position = 1; position <= 1000; position += 37) {
      const back = scale.position(scale.value(position));
      assert.ok(Math.abs(scale.value(back) - scale.value(position)) <= Math.abs(scale.value(position)) * 0.02 + 1e-9);
    }
  }
});

test("a declaration tells what is wrong with a number", () => {
  /** @param {any} value @param {any} [more] */
  const told = (value, more) => problemOf(/** @type {any} */ ({ ...rate, ...more }), value)?.message ?? "";
  assert.equal(told(0), "");
  assert.match(told(-1), /-1 is too small: at least 0/);
  assert.match(told(99999999, { maximum: 1e7 }), /too large: at most 1e\+7/);
  assert.equal(told(1e9), "");
  assert.match(told(1, { exclusiveMaximum: 1 }), /below 1/);
  assert.match(told(1.5, { type: "integer" }), /no whole number/);
  assert.equal(told(null), "");
});

test("errors find their field", () => {
  const error = { field: "runs.1.hyper.lr", message: "no", hint: "" };
  assert.deepEqual(errorsAt(error, "runs.1.hyper"), { lr: error });
  assert.deepEqual(errorsAt(error, "runs.0.hyper"), {});
  assert.deepEqual(errorsAt(null, "runs"), {});
});
