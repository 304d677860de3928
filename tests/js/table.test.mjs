// The automatic goal comes from runs that kept going.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultGoal } from "../../static/surface/table.mjs";

const run = (/** @type {number[]} */ loss, broke = false) =>
  /** @type {any} */ ({
    recording: {
      broke,
      about: { steps: loss.length - 1 },
      columns: { loss },
      valueAt: (/** @type {string} */ _, /** @type {number} */ at) => loss[at],
    },
  });

test("it lies a hundredth of the way from the best end to the start, in few digits", () => {
  const goal = defaultGoal([run([100, 5, 0]), run([100, 50, 20])]);
  assert.ok(goal !== null && goal >= 1 && goal <= 2, `${goal}`);
});

test("what broke off has reached nothing, however low it fell", () => {
  const goal = defaultGoal([run([100, -4e19], true), run([100, 50, 20])]);
  assert.ok(goal !== null && goal > 20 && goal < 22, `${goal}`);
  assert.equal(defaultGoal([run([-1, -4e19], true)]), null);
});
