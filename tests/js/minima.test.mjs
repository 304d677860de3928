// The picture marks the minima that matter to what is drawn, and no others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { signsOf } from "../../static/surface/minima.mjs";
import { makeViewport } from "../../static/surface/viewport.mjs";

const viewport = makeViewport([-5, 5, -5, 5], 1000, 1000);
const at = (/** @type {number} */ x, more = {}) => ({ x, y: 0, edge: false, global: false, ...more });
const run = (/** @type {number} */ key, /** @type {number[]} */ x, /** @type {any[]} */ minima = []) =>
  /** @type {any} */ ({
    runner: { key },
    recording: { columns: { x, y: x.map(() => 0) }, about: { minima } },
  });
const told = (/** @type {any[]} */ signs) => signs.map(({ kind, x }) => [kind, x]);

test("global minima are marked, local ones where a path comes near, and none that the edge makes", () => {
  const minima = [
    at(-5, { edge: true, global: true }),
    at(1, { global: true }),
    at(3),
    at(4),
    at(20, { global: true }),
  ];
  assert.deepEqual(told(signsOf(minima, [run(1, [0, 1, 2.9])], viewport)), [
    ["global", 1],
    ["local", 3],
  ]);
  assert.deepEqual(told(signsOf(minima, [], viewport)), [["global", 1]]);
});

test("of penalised minima those that lie elsewhere are marked, equal ones once", () => {
  const own = [at(0.8, { global: true })];
  const runs = [run(1, [0], own), run(2, [0], own), run(3, [0], [at(0.6, { global: true })]), run(4, [0], [at(1)])];
  const signs = signsOf([at(1, { global: true })], runs, viewport);
  assert.deepEqual(told(signs), [
    ["global", 1],
    ["penalised", 0.8],
    ["penalised", 0.6],
  ]);
  assert.deepEqual(
    signs[1]?.runs.map((r) => r.runner.key),
    [1, 2],
  );
});

test("a local minimum of the penalised loss far from every path is left out", () => {
  const runs = [run(1, [0], [at(0.5, { global: true }), at(4)])];
  assert.deepEqual(told(signsOf([], runs, viewport)), [["penalised", 0.5]]);
});
