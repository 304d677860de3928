// What pages open on, from the presets that the server hands out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openingView, presetsOf, runnerOf, sceneOf } from "../../static/data/presets.mjs";

const demo = { steps: 300, noise: 0.5, lr_gradient: 0.1, lr_adaptive: 0.2 };
const view = { surface: "bowl", runners: [{ optimizer: "adamw", hyper: { lr: 0.1 } }] };
const CATALOGUE = {
  surfaces: [
    { id: "ravine", starts: [[9, 9]], demo },
    { id: "bowl", starts: [[1, 2]], demo },
  ],
  charts: [
    { id: "loss", about: "surface", opening: true, log_y: true },
    { id: "apart", about: "surface", opening: false, log_y: false },
    { id: "run_loss", about: "run", opening: true, log_y: true },
  ],
  experiments: [
    { id: "a", title: "A", page: "explore", view },
    { id: "b", title: "B", page: "explore", view: { surface: "ravine", runners: [] } },
    { id: "c", title: "C", page: "compare", view: { ...view, steps: 7, starts: [[0, 0]], charts: ["apart", "gone"] } },
  ],
};

test("a page opens on its first preset, and on what its surface suggests", () => {
  const opening = openingView(CATALOGUE, sceneOf(CATALOGUE, "explore", {}));
  assert.deepEqual([opening.surface, opening.steps, opening.noise, opening.starts], ["bowl", 300, 0.5, [[1, 2]]]);
  assert.deepEqual(
    opening.runners.map(({ optimizer, hyper }) => [optimizer, hyper]),
    [["adamw", { lr: 0.1 }]],
  );
  assert.deepEqual(opening.charts, [{ id: "loss", log: true, choice: "" }]);
});

test("what a preset says is taken instead, and charts that are not there are left out", () => {
  const opening = openingView(CATALOGUE, sceneOf(CATALOGUE, "compare", {}));
  assert.deepEqual([opening.steps, opening.starts], [7, [[0, 0]]]);
  assert.deepEqual(opening.charts, [{ id: "apart", log: false, choice: "" }]);
});

test("runners are made anew, so that no change reaches the preset", () => {
  const runner = runnerOf(view.runners[0]);
  runner.hyper.lr = 9;
  assert.equal(view.runners[0].hyper.lr, 0.1);
  assert.deepEqual(
    presetsOf(CATALOGUE, "explore").map(({ id }) => id),
    ["a", "b"],
  );
});

test("an address stands for the preset that it names, an empty one for the first, any other for the one that is kept", () => {
  const experiments = CATALOGUE.experiments.map((each) => ({ ...each, kept: each.id === "b" }));
  const of = (/** @type {any} */ query) => sceneOf({ ...CATALOGUE, experiments }, "explore", query)?.id;
  assert.equal(of({}), "a");
  assert.equal(of({ scene: "b" }), "b");
  assert.equal(of({ scene: "gone" }), "b");
  assert.equal(of({ steps: 7 }), "b");
  assert.equal(sceneOf(CATALOGUE, "explore", { steps: 7 })?.id, "a", "where none is kept, the first");
});
