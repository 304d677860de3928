// What a page shows of trajectories is all that it asks for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRunner } from "../../static/data/runner.mjs";
import { wantedColumns } from "../../static/data/wanted-columns.mjs";

const trace = (/** @type {string} */ y) => ({ meta: { y } });
const chart = (/** @type {string} */ id, /** @type {string[]} */ ...columns) => ({
  id,
  figure: { data: columns.map(trace) },
});
const CATALOGUE = {
  charts: [
    chart("loss", "loss", "penalised_loss"),
    chart("state", "{state}_x", "{state}_y"),
    chart("sharpness", "sharpness", "stability_limit"),
  ],
  optimizers: [
    {
      id: "sgd",
      state: [],
      formula: [{ mathml: '<mrow data-quantity="grad">g</mrow><mrow data-quantity="hyper:lr">η</mrow>' }],
    },
    {
      id: "adamw",
      state: ["m", "v"],
      formula: [{ mathml: '<mrow data-quantity="state:m">m</mrow> <mrow data-quantity="state_prev:v">v</mrow>' }],
    },
  ],
};
const VIEW = { runners: [makeRunner("sgd"), makeRunner("adamw")], charts: [], glyphs: [] };
/** @param {any} change @param {import("../../static/data/wanted-columns.mjs").Panel[]} [panels] */
const wanted = (change, panels = [], atEnd = false) => wantedColumns({ ...VIEW, ...change }, panels, CATALOGUE, atEnd);
const MAP = ["loss", "x", "y"];
const added = (/** @type {string[]} */ names) => names.filter((name) => !MAP.includes(name));

test("the map needs the path and the loss on it, and nothing else", () => {
  assert.deepEqual(wanted({}), MAP);
});

test("an open chart needs its columns, one that is closed none", () => {
  assert.deepEqual(added(wanted({ charts: [{ id: "loss" }] })), ["penalised_loss"]);
  assert.deepEqual(added(wanted({ charts: [{ id: "sharpness" }] })), ["sharpness", "stability_limit"]);
  assert.deepEqual(added(wanted({ charts: [{ id: "gone" }] })), []);
});

test("the chart of a state needs the chosen one, or the first that a runner has", () => {
  assert.deepEqual(added(wanted({ charts: [{ id: "state", choice: "v" }] })), ["v_x", "v_y"]);
  assert.deepEqual(added(wanted({ charts: [{ id: "state", choice: "gone" }] })), ["m_x", "m_y"]);
});

test("arrows need what they show", () => {
  assert.deepEqual(added(wanted({ glyphs: ["gradient_part", "gradient", "v"] })), [
    "grad_x",
    "grad_y",
    "gradient_part_x",
    "gradient_part_y",
    "v_x",
    "v_y",
  ]);
});

test("sentence and equations need theirs while they are in sight", () => {
  assert.deepEqual(added(wanted({}, ["sentence"])), ["decay_taken_x", "decay_taken_y"]);
  const equations = added(wanted({}, ["equations"]));
  for (const name of ["grad_x", "lr", "m_y", "v_x", "effective_lr_x", "gradient_part_y", "decay_part_x"])
    assert.ok(equations.includes(name), name);
  assert.ok(!added(wanted({ runners: [makeRunner("sgd")] }, ["equations"])).includes("m_x"));
});

test("at the last step the answer tells the numbers of arrows and equations by itself", () => {
  const glyphs = ["gradient_part", "v"];
  assert.deepEqual(added(wanted({ glyphs }, ["equations"], true)), []);
  assert.deepEqual(added(wanted({ glyphs, charts: [{ id: "loss" }] }, ["sentence"], true)), [
    "decay_taken_x",
    "decay_taken_y",
    "penalised_loss",
  ]);
});
