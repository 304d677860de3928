// The sentences that compare walks on a surface.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sentenceOf } from "../../static/data/findings.mjs";
import { averagingTime } from "../../static/forms/runner-fields.mjs";
import { verdict } from "../../static/surface/verdict.mjs";

/** What the server answers for three walks, of which the last ends after two steps. */
const loss = { columns: { step: [0, 1, 2, 3], loss: [4, 2, 1, 0.5], decay_taken_x: [0, 0.1, 0.19, 0.271] } };
const result = {
  recordings: [loss, { columns: { ...loss.columns, loss: [4, 3, 2, 1] } }, { columns: loss.columns }],
  findings: [0, 1].map((run) => shrunk(run, [1, 3])).concat(shrunk(2, [1, 2]), broke(2, [3, 3])),
};

/** @param {number} run @param {[number, number]} steps @returns {any} */
function shrunk(run, steps) {
  return {
    code: "decay_taken.both",
    template: "After {step:steps} {run} has shrunk by {both:percent}; its loss is {loss:number}.",
    numbers: { step: 3, both: 0.271, loss: 0.5 },
    runs: { run },
    words: {},
    columns: { step: { run, column: "step" }, both: { run, column: "decay_taken_x" }, loss: { run, column: "loss" } },
    steps,
  };
}

/** @param {number} run @param {[number, number]} steps @returns {any} */
function broke(run, steps) {
  const places = { numbers: {}, runs: { run }, words: { reason: "Diverged at step 2." }, columns: {} };
  return { code: "stopped_early.why", template: "{run}: {reason}", steps, ...places };
}

/** The runs as a page shows them. @param {...number} places @returns {any[]} */
function visible(...places) {
  return places.map((place) => ({
    label: ["AdamW", "Adam+L2", "SGD"][place],
    start: 0,
    recording: result.recordings[place],
  }));
}

test("the sentence has the values of the columns at the cursor's step", () => {
  assert.equal(
    verdict(result, visible(0, 1), 2),
    "After 2 steps AdamW has shrunk by 19 %; its loss is 1. After 2 steps Adam+L2 has shrunk by 19 %; its loss is 2.",
  );
  assert.match(verdict(result, visible(0, 1), 1), /^After 1 step AdamW has shrunk by 10 %; its loss is 2\. /);
});

test("only runs that are shown are told of, by their place in the answer", () => {
  assert.equal(verdict(result, visible(1), 3), "");
  assert.match(verdict(result, visible(1, 2), 2), /^After 2 steps Adam\+L2 .* its loss is 2\. After 2 steps SGD /);
});

test("a run that could not go on says why from there on, and the others go on", () => {
  const all = verdict(result, visible(0, 1, 2), 3);
  assert.match(all, /After 3 steps Adam\+L2 .*\. SGD: Diverged at step 2\.$/);
  assert.doesNotMatch(all, /SGD has shrunk/);
  assert.doesNotMatch(verdict(result, visible(0, 1, 2), 2), /Diverged/);
});

test("at the start there is nothing to compare, and without an answer nothing is said", () => {
  assert.match(verdict(result, visible(0, 1), 0), /^All start at one point\./);
  assert.equal(verdict(null, visible(0, 1), 2), "");
});

test("a finding without a step tells its own numbers", () => {
  const told = new Map([[0, /** @type {any} */ ({ label: "A", recording: { columns: {} } })]]);
  assert.equal(sentenceOf(shrunk(0, [1, 3]), told), "After 3 steps A has shrunk by 27 %; its loss is 0.5.");
  const many = { ...shrunk(0, [0, 9]), template: "{a:count}, {b:factor}, {c:number}", columns: {} };
  const numbers = { a: 12345, b: 1.2345, c: null };
  assert.equal(sentenceOf({ ...many, numbers }, told), "12 345, 1.2, –");
});

test("a short averaging time keeps its digits", () => {
  assert.equal(
    averagingTime({ averaging_time: 0.2, hyper: { lr: 100, weight_decay: 0.05 } }),
    "τ = 1/(ηλ) = 0.2 steps",
  );
  assert.equal(averagingTime({ averaging_time: 1, hyper: { lr: 1, weight_decay: 1 } }), "τ = 1/(ηλ) = 1 step");
  assert.equal(
    averagingTime({ averaging_time: 200, hyper: { lr: 0.1, weight_decay: 0.05 } }),
    "τ = 1/(ηλ) = 200 steps",
  );
  assert.equal(averagingTime({ averaging_time: 20, hyper: { lr: 0.1, weight_decay: 0.05 } }), "τ = 1/λ = 20 steps");
  assert.equal(
    averagingTime({ averaging_time: 100, hyper: { lr: 0.1, weight_decay: 0.05, penalty: "full" } }),
    "τ = 1/(2ηλ) = 100 steps",
  );
});
