// A link that names a surface alone opens as that surface suggests; what was kept opens as it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onSurface, pageAddress } from "../../static/data/opening.mjs";
import { openingView, sceneOf } from "../../static/data/presets.mjs";

const CATALOGUE = {
  surfaces: [
    { id: "bowl", starts: [[1, 2]], demo: { steps: 400, noise: 0, lr_gradient: 0.5, lr_adaptive: 0.05 } },
    {
      id: "valley",
      starts: [
        [-1.2, 1],
        [0, 2],
      ],
      demo: { steps: 2000, noise: 0.1, lr_gradient: 0.001, lr_adaptive: 0.02 },
    },
  ],
  optimizers: [
    { id: "sgd", step_size: "gradient", demo: {} },
    { id: "adamw", step_size: "adaptive", demo: {} },
  ],
  charts: [],
  experiments: [
    {
      id: "a",
      page: "explore",
      title: "",
      view: {
        surface: "bowl",
        params: { condition: 30 },
        starts: [[3, 3]],
        runners: [
          { optimizer: "sgd", hyper: { lr: 0.4, weight_decay: 0.1 } },
          { optimizer: "adamw", hyper: { lr: 0.04, weight_decay: 0.1 } },
        ],
      },
    },
  ],
};
const defaults = openingView(CATALOGUE, sceneOf(CATALOGUE, "explore", {}));
const address = pageAddress("explore", defaults, CATALOGUE);
const rates = (/** @type {any} */ view) => view.runners.map((/** @type {any} */ r) => r.hyper.lr);

test("the bare address opens on the preset, a surface by its name on what it suggests", () => {
  assert.deepEqual([address.read("").starts, rates(address.read(""))], [[[3, 3]], [0.4, 0.04]]);
  const { surface, params, starts, steps, noise, runners } = address.read("?surface=valley");
  assert.deepEqual([surface, params, starts, steps, noise], ["valley", {}, [[-1.2, 1]], 2000, 0.1]);
  assert.deepEqual(rates({ runners }), [0.001, 0.02]);
  assert.deepEqual(
    runners.map((r) => r.hyper.weight_decay),
    [0.1, 0.1],
  );
  assert.equal(address.read("?surface=valley&steps=7").steps, 7, "what a link says goes before");
});

test("a link with runners is read as it always was", () => {
  const view = address.read("?surface=valley&run=adamw,lr:0.3");
  assert.deepEqual([view.starts, view.steps, rates(view)], [[[3, 3]], 400, [0.3]]);
});

test("whatever is written is read back, and a chosen surface has the shortest address", () => {
  const chosen = /** @type {any} */ ({ ...defaults, ...onSurface(defaults, CATALOGUE, "valley") });
  assert.equal(address.write(chosen), "surface=valley");
  assert.equal(address.write(defaults), "");
  const bowl = { ...defaults, ...onSurface(defaults, CATALOGUE, "bowl") };
  for (const view of [
    chosen,
    { ...chosen, steps: 400, starts: [[3, 3]], noise: 0 },
    { ...chosen, runners: defaults.runners },
    { ...chosen, runners: [] },
    { ...chosen, shownStart: 1 },
    { ...chosen, surface: "own", formula: "x + y" },
    bowl,
  ]) {
    const read = address.read(`?${address.write(view)}`);
    for (const name of /** @type {const} */ ([
      "surface",
      "formula",
      "params",
      "starts",
      "shownStart",
      "steps",
      "noise",
    ]))
      assert.deepEqual(read[name], view[name], `${name} of ${address.write(view)}`);
    assert.deepEqual(rates(read), rates(view));
  }
});

test("only a link that names a surface and no runner leaves it to the surface how runners step", () => {
  const bare = ["", "?surface=own&formula=x", "?surface=own&run=adamw", "?steps=3"].map(address.isBare);
  assert.deepEqual(bare, [false, true, false, false]);
});
