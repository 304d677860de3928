// A view in its address, and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OWN, readQuery, viewOf, writeQuery } from "../../static/data/address.mjs";
import { makeRunner } from "../../static/data/runner.mjs";

/** @returns {any} */
const base = () => ({
  surface: "rotated_bowl",
  formula: "x**2",
  params: {},
  starts: [[1, 2]],
  steps: 300,
  noise: 0,
  seed: 0,
  runners: [makeRunner("adamw", { hyper: { lr: 0.1 } })],
  solo: 0,
  step: -1,
  box: null,
  dimensions: "2d",
  levels: "log",
  glyphs: ["gradient_part"],
  charts: [{ id: "loss", log: true, choice: "" }],
  range: null,
  goal: null,
  controls: true,
});

const strip = (/** @type {any} */ view) => ({ ...view, runners: view.runners?.map(({ key, ...rest }) => rest) });

test("a view without changes has an empty address", () => {
  const view = base();
  assert.equal(writeQuery("explore", view, view), "");
});

test("whatever is written is read back", () => {
  const defaults = base();
  const first = makeRunner("adam_l2", {
    hyper: { lr: 0.05, penalty: "full", bias_correction: false },
    schedule: { id: "cosine", end: 0.1, warmup_steps: 10 },
    decaySchedule: { id: "ramp" },
    colour: 3,
    dash: 2,
    hidden: true,
  });
  const changed = {
    ...defaults,
    surface: OWN,
    formula: "x**2 + 3*y & sin(x):1,2",
    starts: [
      [0.125, -3],
      [2, 2.5],
    ],
    steps: 77,
    noise: 0.5,
    seed: 9,
    runners: [first, makeRunner("lion")],
    step: 20,
    box: [-1, 2, -3, 4.5],
    dimensions: "3d",
    levels: "linear",
    glyphs: [],
    charts: [{ id: "state", log: false, choice: "m_decay" }],
    range: [10, 20],
    goal: 1e-3,
    controls: false,
  };
  changed.solo = changed.runners[1]?.key ?? 0;
  const read = viewOf("explore", defaults, `?${writeQuery("explore", changed, defaults)}`);
  assert.equal(read.solo, read.runners?.[1]?.key);
  const { solo: _, ...rest } = changed;
  const { solo: __, params: ___, ...found } = /** @type {any} */ ({ params: {}, ...read });
  const { params: ____, ...wanted } = rest;
  assert.deepEqual(strip(found), strip(wanted));
});

test("what is computed with is written with all its digits", () => {
  const defaults = base();
  const changed = {
    ...defaults,
    starts: [[-2.123456789012345, 1 / 3]],
    noise: 0.1234567891,
    params: { condition: 12.345678901 },
    goal: 0.00123456789,
    runners: [makeRunner("sgd", { hyper: { lr: 0.0123456789 }, schedule: { id: "cosine", end: 0.123456789 } })],
  };
  const read = viewOf("explore", defaults, `?${writeQuery("explore", changed, defaults)}`);
  assert.deepEqual(strip(read), strip(changed));
});

test("what cannot be read is left out and does not throw", () => {
  for (const query of [
    "?steps=abc&noise=-1&box=1,2&starts=1,2;x",
    "?run=&charts=&step=",
    "?solo=7&levels=maybe&dimensions=4d",
  ]) {
    const view = readQuery("explore", query);
    for (const field of ["steps", "noise", "box", "starts", "levels", "dimensions"])
      assert.equal(view[field], undefined);
  }
});

test("no runners at all can be said", () => {
  const defaults = base();
  const query = writeQuery("explore", { ...defaults, runners: [] }, defaults);
  assert.deepEqual(viewOf("explore", defaults, `?${query}`).runners, []);
});

test("a solo runner of the opening scene is found again", () => {
  const defaults = base();
  const query = writeQuery("explore", { ...defaults, solo: defaults.runners[0].key }, defaults);
  assert.equal(viewOf("explore", defaults, `?${query}`).solo, defaults.runners[0].key);
});

test("the chart of a metric of one's own and what stands across come back, whatever they are called", () => {
  const defaults = { charts: [], tensor: "", x: "", smoothing: 0 };
  const charts = ["own:reward", "own:eval/bleu.4", "own:a b%2E:é"].map((id) => ({
    id,
    log: id.endsWith("d"),
    choice: "",
  }));
  const query = writeQuery("run", { ...defaults, charts, x: "eval/bleu, .5&x=1" }, defaults);
  assert.ok(query.startsWith("charts=own:reward.log,own:eval"), query);
  assert.deepEqual(readQuery("run", `?${query}`), { charts, x: "eval/bleu, .5&x=1" });
  assert.deepEqual(readQuery("run", "?charts=own:%25E0%25.log").charts, [{ id: "own:%E0%", log: true, choice: "" }]);
});
