// What is asked of the server for a view, and whose the answers are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRunner } from "../../static/data/runner.mjs";
import { byRunner, runnerField, trajectoriesRequest } from "../../static/data/trajectories.mjs";

const runners = [makeRunner("adamw", { hyper: { lr: 0.1 } }), makeRunner("sgd", { schedule: { id: "cosine" } })];
/** @type {any} */
const view = {
  surface: "bowl",
  params: {},
  steps: 5,
  noise: 0,
  seed: 0,
  runners,
  starts: [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
};

test("every runner walks from every start", () => {
  const { runs, start } = trajectoriesRequest(view);
  assert.deepEqual(start, [1, 2]);
  assert.deepEqual(
    runs.map((run) => [run.optimizer, run.start[0]]),
    [
      ["adamw", 1],
      ["adamw", 3],
      ["adamw", 5],
      ["sgd", 1],
      ["sgd", 3],
      ["sgd", 5],
    ],
  );
  assert.deepEqual(runs[3], { optimizer: "sgd", hyper: {}, schedule: { id: "cosine" }, start: [1, 2] });
});

test("with several starts each runner has its own recording, that from the first", () => {
  const recordings = /** @type {any[]} */ (["a1", "a3", "a5", "s1", "s3", "s5"]);
  assert.deepEqual(
    [...byRunner(view, recordings)],
    [
      [runners[0]?.key, "a1"],
      [runners[1]?.key, "s1"],
    ],
  );
});

test("a refused field is that of the runner, whichever start it was refused for", () => {
  assert.equal(runnerField("runs.2.hyper.lr", view), "runs.0.hyper.lr");
  assert.equal(runnerField("runs.3.hyper.lr", view), "runs.1.hyper.lr");
  assert.equal(runnerField("runs.5.schedule.end", view), "runs.1.schedule.end");
  assert.equal(runnerField("surface.params.condition", view), "surface.params.condition");
});
