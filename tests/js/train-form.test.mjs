import assert from "node:assert/strict";
import { test } from "node:test";
import { readForm } from "../../static/lib/train-form.mjs";

const CATALOGUE = { tasks: [{ id: "digits" }], optimizers: [{ id: "sgd" }] };
const FORM = { task: "digits", settings: {}, run: {}, runners: [{ optimizer: "sgd" }], vary: { path: "", values: [] } };

test("a kept form is taken only where the server has what it names", () => {
  const read = (/** @type {object} */ more) => readForm(JSON.stringify({ ...FORM, ...more }), CATALOGUE);
  assert.deepEqual(read({}), FORM);
  assert.equal(read({ task: "gone" }), null);
  assert.equal(read({ runners: [{ optimizer: "gone" }] }), null);
});
