// The form of the Train page as requests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, fieldsOf, numbersIn, requestsOf, suggest, titleOf } from "../../static/forms/train-request.mjs";

const LOG = { type: "number", title: "η", description: "", default: 1e-3, minimum: 0, maximum: 1e6 };
const LR = { ...LOG, "x-slider": [1e-5, 1], "x-scale": "log" };
const SEED = {
  type: "integer",
  title: "seed",
  description: "",
  default: 0,
  minimum: 0,
  maximum: 9,
  "x-slider": [0, 9],
};
const CATALOGUE = {
  optimizers: [
    { id: "sgd", hyper: { properties: { lr: LR } } },
    { id: "adamw", hyper: { properties: { lr: LR, weight_decay: LR } } },
  ],
  tasks: [{ id: "digits", settings: { properties: { hidden: SEED } } }],
  schedules: [{ id: "cosine", title: "cosine" }],
};
const OPTIONS = { seed: SEED, "trace.every": { ...SEED, default: 10 } };
const FORM = {
  task: "digits",
  settings: {},
  run: { seed: 3 },
  runners: [
    { optimizer: "sgd", hyper: { lr: 0.1 }, schedule: { id: "cosine" } },
    { optimizer: "adamw", hyper: { lr: 0.001 } },
  ],
  vary: { path: "", values: [] },
};

test("every optimizer becomes a request, complete with what all share", () => {
  const [first, second] = requestsOf(FORM, OPTIONS, CATALOGUE);
  assert.deepEqual(first, {
    task: "digits",
    settings: {},
    optimizer: "sgd",
    hyper: { lr: 0.1 },
    seed: 3,
    trace: { every: 10 },
    schedule: { id: "cosine" },
  });
  assert.equal(second.schedule, undefined);
  assert.equal(countOf([first, second]), 2);
});

test("runners of one optimizer are named by what only they have", () => {
  const adamw = { optimizer: "adamw", hyper: { lr: 0.001 }, schedule: { id: "cosine" } };
  const runners = [
    FORM.runners[0],
    adamw,
    { ...adamw, schedule: { id: "cosine", warmup_steps: 50 } },
    { ...adamw, schedule: null, hyper: { lr: 0.01 } },
    { ...adamw, schedule: { id: "step" } },
  ];
  assert.deepEqual(
    requestsOf({ ...FORM, runners }, OPTIONS, CATALOGUE).map(({ name }) => name),
    [undefined, "adamw, η 0.001", "adamw, η 0.001", "adamw, η 0.01", "adamw, η 0.001"],
  );
  const pair = [adamw, { ...adamw, schedule: { id: "cosine", warmup_steps: 50 } }];
  assert.deepEqual(
    requestsOf({ ...FORM, runners: pair }, OPTIONS, CATALOGUE).map(({ name }) => name),
    [undefined, "adamw, warm-up 50"],
  );
});

test("a field varies for the optimizers that have it, and the others start once", () => {
  const vary = { path: "hyper.weight_decay", values: [0, 0.1, 1] };
  const requests = requestsOf({ ...FORM, vary }, OPTIONS, CATALOGUE);
  assert.deepEqual(
    requests.map((request) => request.vary),
    [undefined, { "hyper.weight_decay": [0, 0.1, 1] }],
  );
  assert.equal(countOf(requests), 4);
});

test("settings of optimizers, of the run and of the task can be varied", () => {
  const paths = fieldsOf(FORM, OPTIONS, CATALOGUE).map(({ path }) => path);
  assert.deepEqual(paths, ["hyper.lr", "hyper.weight_decay", "schedule", "seed", "trace.every", "settings.hidden"]);
});

test("a refusal is told with the name of its field", () => {
  const fields = fieldsOf(FORM, OPTIONS, CATALOGUE);
  assert.equal(titleOf("0.hyper.lr", fields), "η");
  assert.equal(titleOf("0.vary.seed.1", fields), "seed");
  assert.equal(titleOf("1.schedule.end", fields), "learning-rate schedule");
  assert.equal(titleOf("", fields), "");
});

test("suggested values lie around the present one, within bounds", () => {
  assert.deepEqual(suggest(LR, 1e-3), [3e-4, 1e-3, 3e-3]);
  assert.deepEqual(suggest(LR, 0), [0, 1e-5, 0.003]);
  assert.deepEqual(suggest(SEED, 8), [8, 9]);
  const beta = { ...LOG, default: 0.999, exclusiveMaximum: 1, maximum: undefined, "x-slider": [0.9, 1] };
  assert.deepEqual(suggest(beta, 0.999), [0.999, 0.9995]);
  assert.deepEqual(suggest(beta, 0.99999), [0.99999]);
  assert.deepEqual(suggest({ ...SEED, enum: ["a", "b", "c", "d", "e"] }, "c"), ["c", "a", "b", "d"]);
});

test("numbers are read from any list of them", () => {
  assert.deepEqual(numbersIn("0.001, 1e-2 ; 1"), [0.001, 0.01, 1]);
  assert.equal(numbersIn("0.001, many"), null);
});
