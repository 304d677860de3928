// What a schedule multiplies.

import assert from "node:assert/strict";
import { test } from "node:test";
import { baseOf, isScheduled } from "../../static/data/settings.mjs";

const INFO = {
  kind: "train",
  config: { hyper: { lr: 0.01, weight_decay: 0.1 }, schedule: { id: "cosine" }, decay_schedule: null },
  latest: { lr: 0.004, weight_decay: 0.1 },
  changed: { weight_decay: 0 },
};

test("the base of a setting is what was set by hand, else what the run began with", () => {
  assert.equal(baseOf(INFO, "lr"), 0.01);
  assert.equal(baseOf(INFO, "weight_decay"), 0);
  assert.equal(baseOf({ ...INFO, kind: "watch" }, "lr"), 0.004);
  assert.equal(baseOf({ kind: "watch" }, "lr"), null);
});

test("each setting has its own schedule", () => {
  assert.ok(isScheduled(INFO, "lr"));
  assert.ok(!isScheduled(INFO, "weight_decay"));
});
