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

/** How many of these look different. @param {{ slot: number, dash: number }[]} styles */
const looks = (styles) => new Set(styles.map(({ slot, dash }) => `${slot} ${DASHES[dash]?.plotly}`)).size;
const many = (/** @type {number} */ n) => Array.from({ length: n }, () => of("adamw"));

test("eight of one colour have a dash each, and then other colours come", () => {
  assert.equal(new Set(DASHES.map(({ plotly }) => plotly)).size, 8);
  assert.equal(new Set(DASHES.map(({ pattern }) => pattern)).size, 8);
  const styles = stylesOf(many(9), IDS);
  assert.deepEqual(
    styles.slice(0, 8).map(({ slot, dash }) => [slot, dash]),
    Array.from({ length: 8 }, (_, dash) => [1, dash]),
  );
  assert.equal(looks(styles), 9);
});

test("as many runs as a page compares all look different, of one optimizer or of several", () => {
  assert.equal(looks(stylesOf(many(64), IDS, true)), 64);
  assert.equal(looks(stylesOf(many(64), IDS)), 64);
  const mixed = Array.from({ length: 64 }, (_, i) => of(IDS[(i * i) % 5] ?? "gone"));
  assert.equal(looks(stylesOf(mixed, IDS, true)), 64);
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
  const styles = stylesOf(many(COLOURS + 1), IDS, true);
  assert.equal(new Set(styles.slice(0, COLOURS).map(({ slot }) => slot)).size, COLOURS);
  assert.ok(styles.slice(0, COLOURS).every(({ dash }) => dash === 0));
  assert.deepEqual(styles.at(0), { slot: 1, dash: 0 });
  assert.equal(styles.at(-1)?.slot, 1);
  assert.ok(!["solid", "dash", "dot"].includes(DASHES[styles.at(-1)?.dash ?? 0]?.plotly ?? ""), "no dash of a chart's");
  const [first, second, third] = stylesOf([of("adamw"), of("adamw"), of("adam_l2")], IDS, true);
  assert.deepEqual([first?.slot, second?.slot, third?.slot], [1, 2, 0], "a colour that another one needs is not taken");
});
