// What stands above the map, of these runs at this step.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, headlineOf, sharesOf } from "../../static/surface/headline.mjs";

/** @param {string} label @param {Record<string, number[]>} columns */
const runOf = (label, columns) => /** @type {any} */ ({ label, start: 0, colour: "#000", recording: { columns } });
const coupled = runOf("Adam+L2", { loss: [9, 2, 1], decay_taken_x: [0, 0.2, 0.5], decay_taken_y: [0, 0.01, 0.04] });
const decoupled = runOf("AdamW", { loss: [9, 3, 2], decay_taken_x: [0, 0.4, 0.6], decay_taken_y: [0, 0.4, 0.6] });

/** @param {string} code @param {string} template @param {any} [more] */
const finding = (code, template, more = {}) =>
  /** @type {any} */ ({ code, template, numbers: {}, words: {}, runs: {}, columns: {}, steps: null, ...more });
const claim = finding("same_decay.claim", "{decoupled} is even, {coupled} spares {steep}.", {
  runs: { coupled: 0, decoupled: 1 },
  words: { steep: "y" },
  steps: [2, 2],
});
const cause = finding("same_decay.cause", "It took {spared:percent}.", {
  numbers: { spared: 0.04 },
  columns: { spared: { run: 0, column: "decay_taken_y" } },
  runs: { coupled: 0 },
  steps: [2, 2],
});
const taken = finding("decay_taken.both", "{run} lost some.", { runs: { run: 1 } });
const result = { recordings: [coupled.recording, decoupled.recording], findings: [claim, cause, taken] };

test("a claim that holds at the end is said at every step, its cause where it holds", () => {
  const end = headlineOf(result, [coupled, decoupled], 2);
  assert.equal(end.claim, "AdamW is even, Adam+L2 spares y.");
  assert.equal(end.cause, "It took 4.0\u00a0%.");
  assert.deepEqual(end.axes, { x: "flat x", y: "steep y" });
  const before = headlineOf(result, [coupled, decoupled], 1);
  assert.equal(before.claim, end.claim);
  assert.equal(before.cause, "After 1 step the loss is: Adam+L2 2, AdamW 3.");
  assert.match(headlineOf(result, [coupled, decoupled], 0).cause, /^All start at one point/);
});

test("where a run of the claim is hidden, nothing is claimed", () => {
  const { claim: said, cause: why } = headlineOf(result, [decoupled], 2);
  assert.equal(said, "");
  assert.equal(why, "After 2 steps the loss is: AdamW 2.");
});

test("what broke is told instead of the losses", () => {
  const broke = finding("stopped_early.why", "{run}: {reason}", { runs: { run: 1 }, words: { reason: "It blew up." } });
  const { cause: why } = headlineOf({ ...result, findings: [broke, taken] }, [coupled, decoupled], 2);
  assert.equal(why, "AdamW: It blew up.");
});

test("of many runs the outer losses are told", () => {
  const many = [3, 1, 5, 2, 4].map((loss) => runOf(`run ${loss}`, { loss: [9, loss] }));
  const { cause: why } = headlineOf({ recordings: many.map((run) => run.recording) }, many, 1);
  assert.equal(why, "After 1 step the lowest loss is run 1 1, the highest run 5 5.");
});

test("shares stand run by run, the steep coordinate first", () => {
  const { runs, rows } = sharesOf([coupled, decoupled], { x: "flat x", y: "steep y" }, 1);
  assert.deepEqual(runs, [coupled, decoupled]);
  assert.deepEqual(rows, [
    { label: "steep y", cells: [0.01, 0.4] },
    { label: "flat x", cells: [0.2, 0.4] },
  ]);
  const still = runOf("SGD", { decay_taken_x: [0, 0], decay_taken_y: [0, 0] });
  assert.deepEqual(sharesOf([still], { x: "x", y: "y" }, 1).runs, [], "nothing decays");
});

test("an answer is told with where the runs end", () => {
  const text = answerOf("{0.loss:number} of {1.decay_taken_x:percent}, {2.loss:number}", result.recordings);
  assert.equal(text, "1 of 60\u00a0%, –");
});
