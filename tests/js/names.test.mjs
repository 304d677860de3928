// What runners, settings and refused fields are called.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRunner } from "../../static/data/runner.mjs";
import { fieldName, refusalText, runLabels, runName, runnerName, settingName } from "../../static/ui/names.mjs";

const rate = { properties: { lr: { title: "learning rate η" } } };
/** @type {any} */
const catalogue = {
  simulation: { properties: { noise: { title: "gradient noise" } } },
  optimizers: [
    { id: "adamw", title: "AdamW", hyper: rate },
    { id: "sgd", title: "SGD", hyper: rate },
  ],
  schedules: [{ id: "cosine", params: { properties: { end: { title: "Final factor" } } } }],
  surfaces: [{ id: "bowl", params: { properties: { condition: { title: "Condition number" } } } }],
};
/** @type {any} */
const view = {
  surface: "bowl",
  runners: [makeRunner("adamw"), makeRunner("sgd", { schedule: { id: "cosine" } }), makeRunner("adamw")],
};

test("a refused field is told by the runner's name and the setting's", () => {
  assert.equal(fieldName("runs.2.hyper.lr", view, catalogue), "AdamW 2, learning rate η");
  assert.equal(fieldName("runs.1.schedule.end", view, catalogue), "SGD, learning-rate schedule, Final factor");
  assert.equal(fieldName("surface.params.condition", view, catalogue), "Condition number");
  assert.equal(fieldName("noise", view, catalogue), "gradient noise");
  assert.equal(fieldName("runs.7.hyper.lr", view, catalogue), "");
  assert.equal(fieldName("surface.formula", view, catalogue), "");
});

test("runners of one optimizer are counted", () => {
  assert.deepEqual(
    [0, 1, 2].map((index) => runnerName(index, view.runners, catalogue)),
    ["AdamW 1", "SGD", "AdamW 2"],
  );
});

test("runners of one optimizer are told apart by what differs, where that is clear", () => {
  const named = (/** @type {any[]} */ ...runners) => runners.map((_, i) => runnerName(i, runners, catalogue));
  const adamw = (/** @type {number} */ decay, more = {}) =>
    makeRunner("adamw", { hyper: { weight_decay: decay }, ...more });
  assert.deepEqual(named(adamw(0), adamw(0.3)), ["AdamW λ 0", "AdamW λ 0.3"]);
  assert.deepEqual(named(adamw(0.1), adamw(0.1, { schedule: { id: "cosine" } })), ["AdamW", "AdamW cosine"]);
  assert.deepEqual(
    named(adamw(0.1, { schedule: { id: "cosine" } }), adamw(0.1, { schedule: { id: "cosine", warmup_steps: 50 } })),
    ["AdamW", "AdamW warm-up 50"],
  );
  assert.deepEqual(named(adamw(0.1), adamw(0.1)), ["AdamW 1", "AdamW 2"], "nothing differs");
  assert.deepEqual(named(adamw(0.1), adamw(0.1), adamw(0.3)), ["AdamW 1", "AdamW 2", "AdamW λ 0.3"], "two are alike");
});

test("a setting of a training run is called as on the form", () => {
  const known = {
    ...catalogue,
    tasks: [{ id: "digits", settings: { properties: { hidden: { title: "width" } } } }],
    training: { properties: { "trace.every": { title: "measure every" } } },
  };
  const run = { task: "digits", optimizer: "adamw" };
  assert.equal(settingName("settings.hidden", run, known), "width");
  assert.equal(settingName("hyper.lr", run, known), "learning rate η");
  assert.equal(settingName("trace.every", run, known), "measure every");
  assert.equal(settingName("hyper.not_known", { task: "gone" }, known), "not known");
});

test("runs lose the words that all names begin with, and never a letter of a name", () => {
  const labels = (/** @type {string[]} */ ...names) =>
    runLabels(
      names.map((name) => ({ id: name, name })),
      catalogue,
    );
  assert.deepEqual(labels("AdamW, seed 1", "AdamW, seed 2"), ["seed 1", "seed 2"]);
  assert.deepEqual(labels("run a", "run b"), ["run a", "run b"]);
});

test("a name turns no text around that stands beside it", () => {
  assert.equal(runName({ id: "a", name: "safe\u202egnp.exe\u2066x" }), "safegnp.exex");
  assert.equal(runName({ id: "a", name: "\u202e \u200f", optimizer: "mine", task: "a\u202bb" }), "mine on ab");
  assert.equal(runName({ id: "a", name: "שלום" }), "שלום", "what is written from right to left stays");
  const twins = ["x\u202e", "x"].map((name) => ({ id: name, name, optimizer: "\u2067mine" }));
  assert.deepEqual(runLabels(twins, catalogue), ["x 1", "x 2"]);
});

test("a refusal calls settings as the page does, and leaves other messages alone", () => {
  const message = "there is no setting 'weight_decay' here; known: lr.";
  const decay = { id: "a", hyper: { properties: { weight_decay: { title: "decay strength λ" } } } };
  const known = { optimizers: [...catalogue.optimizers, decay] };
  assert.equal(
    refusalText({ code: "unknown_setting", message }, known),
    "there is no setting 'decay strength λ' here; known: learning rate η.",
  );
  assert.equal(refusalText({ code: "invalid", message }, known), message);
});
