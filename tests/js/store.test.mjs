// The store: who is told of which change.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStore } from "../../static/data/store.mjs";

/** A store, and what its views were told. */
function watched() {
  const store = createStore({ step: 1, runners: ["a"], range: /** @type {number[] | null} */ (null) });
  /** @type {string[]} */
  const told = [];
  store.on(["step"], ({ step }) => told.push(`step ${step}`));
  store.on(["runners", "range"], () => told.push("runners"));
  store.onCommit(() => told.push("commit"));
  return { store, told };
}

test("a view is told once of a change of its fields, and of no other", () => {
  const { store, told } = watched();
  store.set({ step: 2 }, false);
  store.set({ runners: ["b"], range: [0, 1] }, false);
  assert.deepEqual(told, ["step 2", "runners"]);
  assert.deepEqual(store.get(), { step: 2, runners: ["b"], range: [0, 1] });
});

test("what is set to what it was is no change, whatever else changes with it", () => {
  const { store, told } = watched();
  const { runners } = store.get();
  store.set({ step: 1, runners }, false);
  store.set({ step: 3, runners }, false);
  assert.deepEqual(told, ["step 3"]);
});

test("equal contents in another array are a change: views compare nothing", () => {
  const { store, told } = watched();
  store.set({ runners: ["a"] }, false);
  assert.deepEqual(told, ["runners"]);
});

test("letting go is told even where nothing changed, and only then", () => {
  const { store, told } = watched();
  store.set({ step: 2 }, false);
  store.set({}, true);
  assert.deepEqual(told, ["step 2", "commit"]);
});

test("a state that was read stays as it was read", () => {
  const { store } = watched();
  const before = store.get();
  store.set({ step: 9 });
  assert.equal(before.step, 1);
});
