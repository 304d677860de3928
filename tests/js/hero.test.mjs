// The chart that tells most of runs is that of the setting in which they differ.

import assert from "node:assert/strict";
import { test } from "node:test";
import { heroOf } from "../../static/run/hero.mjs";

const shown = ["run_loss", "run_effective_decay", "run_schedule"];
const config = { optimizer: "adamw", hyper: { weight_decay: 0 }, schedule: { id: "cosine", warmup_steps: 0 }, seed: 0 };

test("by optimizers, by a schedule, by anything else", () => {
  const of = (/** @type {any} */ other, all = shown) => heroOf([config, { ...config, ...other }], all);
  assert.equal(of({ optimizer: "adam_l2" }), "run_effective_decay");
  assert.equal(of({ optimizer: "adam_l2", schedule: null }), "run_effective_decay", "the optimizer counts more");
  assert.equal(of({ schedule: { id: "cosine", warmup_steps: 50 } }), "run_schedule");
  assert.equal(of({ hyper: { weight_decay: 1 } }), "run_loss");
  assert.equal(of({}), "run_loss");
  assert.equal(of({ optimizer: "sgd" }, ["run_loss"]), "run_loss", "where that chart is closed");
  assert.equal(of({}, []), "");
});
