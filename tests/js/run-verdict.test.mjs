// The sentence that compares training runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Recording } from "../../static/data/recording.mjs";
import { runsVerdict } from "../../static/run/verdict.mjs";

/** A run with a loss at each step from 1. @param {string} label @param {number[]} loss @param {object} [info] */
function run(label, loss, info = {}) {
  const recording = new Recording({ task: "digits", outcome: "finished", step: loss.length, ...info });
  recording.load([{ next_seq: 1, columns: { loss: { step: loss.map((_, i) => i + 1), value: loss } } }]);
  return { label, recording };
}

test("the sentence tells the losses that the charts show at a step that all have reached", () => {
  const sentence = runsVerdict([run("A", [3, 2, 1]), run("B", [4, 8])]);
  assert.equal(
    sentence,
    "After 2 steps A does not decay and stands at a loss of 2; B does not decay and stands at a loss of 8.",
  );
  const many = [run("A", [3]), run("B", [4]), run("C", [2]), run("D", [9])];
  assert.equal(runsVerdict(many), "After 1 step C stands lowest, at a loss of 2, and D highest, at 9.");
});

test("a run that broke is told apart, and holds nobody back", () => {
  const broken = run("B", [4, 1e30], { outcome: "diverged" });
  const none = run("C", [4], { outcome: "undefined" });
  assert.equal(
    runsVerdict([run("A", [3, 2, 1]), broken, none]),
    "After 3 steps A does not decay and stands at a loss of 1. B diverged at step 2; C came to a number that is not finite at step 1.",
  );
  const all = ["B", "C", "D", "E"].map((label) => ({ ...broken, label }));
  assert.equal(runsVerdict(all), "B, C, D and E broke: see the events below.");
});

test("rates of decay are told as one up to two percent apart, and by their factor beyond", () => {
  /** @param {string} label @param {number[]} rates  of each tensor */
  const decaying = (label, rates) => {
    const tensors = rates.map((_, i) => ({ name: `t${i}` }));
    const series = run(label, [1], { tensors });
    const columns = rates.map((rate, i) => [`t${i}/effective_decay`, { step: [1], value: [rate] }]);
    series.recording.load([
      { next_seq: 1, columns: { loss: { step: [1], value: [1] }, ...Object.fromEntries(columns) } },
    ]);
    return series;
  };
  const told = (/** @type {number} */ rate) => runsVerdict([decaying("A", [0.5, rate]), decaying("B", [0.5, rate])]);
  assert.match(told(0.5), /A shrinks all decayed tensors at one rate/);
  assert.match(told(0.508), /A shrinks all decayed tensors at one rate/);
  assert.match(told(0.515), /A shrinks its tensors at rates that differ by a factor of 1/);
  assert.match(told(1.5), /A shrinks its tensors at rates that differ by a factor of 3/);
});
