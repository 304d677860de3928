// Values that are no finite numbers: told by name and step, and never those of a walk.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gapsOf, leftOutText, lostText } from "../../static/chart/gaps.mjs";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** @param {number[]} values @param {object} [about] */
const line = (values, about = {}, label = "training") => ({
  run: /** @type {any} */ ({ label: "AdamW", recording: { about } }),
  column: "loss",
  label,
  values: Float32Array.from(values),
  shown: Float32Array.from(values),
  steps: values.map((_, i) => i + 1),
});

test("each stretch of one kind is marked at its first step", () => {
  const one = line([1, nan, 0.3, inf, inf, -inf, 0.1]);
  assert.deepEqual(
    gapsOf([one], one.run).map(({ step, short, sentence }) => [step, short, sentence]),
    [
      [2, "NaN", "Step 2: loss is NaN."],
      [4, "inf", "Steps 4 to 5: loss is inf."],
      [6, "−inf", "Step 6: loss is −inf."],
    ],
  );
  assert.deepEqual(gapsOf([one], line([nan]).run), [], "another run's");
});

test("a walk has NaN where there is no such number", () => {
  const walk = line([nan, 1], { kind: "trajectory" });
  assert.deepEqual(gapsOf([walk], walk.run), []);
  assert.equal(lostText([line([nan], { kind: "trajectory" })]), "");
});

test("a line without a finite value is told, with its name where there are several", () => {
  assert.equal(lostText([line([nan, nan, nan, nan, nan])]), "All 5 values are NaN.");
  assert.equal(
    lostText([line([nan, inf]), line([inf], {}, "validation")]),
    "AdamW training: all 2 values are NaN or inf. AdamW validation: all it has is inf.",
  );
  assert.equal(lostText([]), "");
});

test("what a logarithmic axis leaves out is counted", () => {
  assert.equal(
    leftOutText([line([-1, 0, nan, 2]), line([3])]),
    "2 of 4 values are 0 or less: a logarithmic axis leaves them out.",
  );
  assert.equal(leftOutText([line([1, nan])]), "");
  assert.equal(leftOutText([line([0, 1], { kind: "trajectory" })]), "", "the start of a walk");
});
