// Colours and dashes: what is told apart by what.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, DASHES, stylesOf } from "../../static/chart/series.mjs";

const IDS = ["adam_l2", "adamw", "adamw_lh", "lion", "muon", "sgd", "sgd_l2", "sgdw"];
const of = (/** @type {string} */ optimizer, more = {}) => ({ optimizer, ...more });

test("the optimizers of the story keep the first colours, others share the rest", () => {
  const slots = stylesOf(
    ["adam_l2", "adamw", "adamw_lh", "sgd_l2", "lion", "sgdw", "gone"].map((id) => of(id)),
    IDS,
  );
  assert.deepEqual(
    slots.map(({ slot }) => slot),
    [0, 1, 2, 3, 4, 7, 4],
  );
});

test("there is a dash for each of five of one colour, and only the sixth is like the first", () => {
  assert.equal(new Set(DASHES.map(({ plotly }) => plotly)).size, 5);
  assert.equal(new Set(DASHES.map(({ pattern }) => pattern)).size, 5);
  const dashes = stylesOf(
    Array.from({ length: 6 }, () => of("adamw")),
    IDS,
  ).map(({ dash }) => dash);
  assert.deepEqual(dashes, [0, 1, 2, 3, 4, 0]);
});

test("a choice of one's own is kept, and counts for those that follow", () => {
  const styles = stylesOf(
    [of("adamw", { colour: 5, dash: 2 }), of("lion", { colour: 5 }), of("sgd", { colour: 9 })],
    IDS,
  );
  assert.deepEqual(styles, [
    { slot: 5, dash: 2 },
    { slot: 5, dash: 1 },
    { slot: 9 % COLOURS, dash: 0 },
  ]);
});

test("runs of one optimizer get colours of their own as long as there are any, then dashes", () => {
  const styles = stylesOf(
    Array.from({ length: COLOURS + 1 }, () => of("adamw")),
    IDS,
    true,
  );
  assert.equal(new Set(styles.map(({ slot }) => slot)).size, COLOURS);
  assert.deepEqual(styles.at(0), { slot: 1, dash: 0 });
  assert.deepEqual(styles.at(-1), { slot: 1, dash: 1 });
  const [first, second, third] = stylesOf([of("adamw"), of("adamw"), of("adam_l2")], IDS, true);
  assert.deepEqual([first?.slot, second?.slot, third?.slot], [1, 2, 0], "a colour that another one needs is not taken");
});
