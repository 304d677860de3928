// The kept form of the Train page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formText, readForm } from "../../static/forms/train-form.mjs";

const CATALOGUE = { tasks: [{ id: "digits" }], optimizers: [{ id: "sgd" }] };
const FORM = { task: "digits", settings: {}, run: {}, runners: [{ optimizer: "sgd" }], vary: { path: "", values: [] } };

test("a kept form is taken only where the server has what it names", () => {
  const read = (/** @type {object} */ more) => readForm(JSON.stringify({ ...FORM, ...more }), CATALOGUE);
  assert.deepEqual(read({}), FORM);
  assert.equal(read({ task: "gone" }), null);
  assert.equal(read({ runners: [{ optimizer: "gone" }] }), null);
});

test("two forms have one text exactly where they start the same runs", () => {
  const runner = { key: 1, optimizer: "sgd", hyper: { lr: 0.1 }, schedule: null, decaySchedule: null, colour: -1 };
  const form = { ...FORM, runners: [runner] };
  const text = formText(form);
  const looks = { ...form, runners: [{ ...runner, key: 7, colour: 2 }], vary: { path: "", values: [1, 2] } };
  assert.equal(formText(looks), text);
  for (const other of [
    { ...form, run: { steps: 9 } },
    { ...form, settings: { size: "nano" } },
    { ...form, runners: [{ ...runner, hyper: { lr: 0.2 } }] },
    { ...form, runners: [runner, runner] },
    { ...form, vary: { path: "seed", values: [1, 2] } },
  ])
    assert.notEqual(formText(other), text);
});
