// How long runs will take is told from runs like them, or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { complete, secondsOf, timeText } from "../../static/forms/estimate.mjs";

const run = (/** @type {number | null} */ speed, more = {}) => ({
  task: "digits",
  speed,
  config: { batch_size: 64, settings: { width: 8 } },
  ...more,
});
const asked = { task: "digits", settings: { width: 8 }, batch_size: 64, steps: 600 };

test("steps over the middle speed of runs like it, all runs together", () => {
  assert.equal(secondsOf([asked], [run(100), run(300), run(200)]), 3);
  assert.equal(secondsOf([asked, { ...asked, steps: 200 }], [run(200)]), 4);
});

test("a run of another task, size, batch or without a speed says nothing", () => {
  for (const other of [
    run(null),
    run(0),
    run(9, { task: "gpt" }),
    run(9, { config: { batch_size: 8, settings: { width: 8 } } }),
  ])
    assert.equal(secondsOf([asked], [other]), null);
  assert.equal(secondsOf([{ ...asked, settings: { width: 16 } }], [run(9)]), null);
  assert.equal(secondsOf([asked, { ...asked, task: "gpt" }], [run(9)]), null, "one of them is unknown");
});

test("what was not measured here is said to be so", () => {
  assert.equal(timeText([asked], [run(200)]), "about 3 s on this machine");
  assert.equal(timeText([asked], [], 120), "about 2 min on two cores; not measured here yet");
  assert.equal(timeText([asked], []), "not measured here yet");
});

test("what a request leaves out is as its task has it, and another size or device says nothing", () => {
  const catalogue = { tasks: [{ id: "digits", settings: { properties: { width: { default: 8 } } } }] };
  const bare = complete([{ task: "digits", batch_size: 64, steps: 600 }], catalogue);
  assert.equal(secondsOf(bare, [run(200)]), 3);
  const large = { batch_size: 64, settings: { width: 99 } };
  assert.equal(secondsOf(bare, [run(2, { config: large })]), null);
  const cpu = run(200, { config: { batch_size: 64, settings: { width: 8 }, device: "cpu" } });
  assert.equal(secondsOf([{ ...asked, device: "cuda" }], [cpu]), null);
  assert.equal(secondsOf([{ ...asked, device: "cpu" }], [cpu]), 3);
});
