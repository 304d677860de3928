// What stands around a chart: its key, the values at the cursor, names at the ends of lines, the line at the pointer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { scalesOf } from "../../static/chart/axis.mjs";
import { bandOf } from "../../static/chart/band.mjs";
import { keyOf, meaningOf } from "../../static/chart/key.mjs";
import { labelWidth, namedLines, spread } from "../../static/chart/labels.mjs";
import { nearestRun } from "../../static/chart/nearest.mjs";
import { extremesOf, readoutOf } from "../../static/chart/readout.mjs";
import { Recording } from "../../static/data/recording.mjs";

/** @param {number} key @param {string} [kind] */
const runOf = (key, kind = "trajectory") =>
  /** @type {any} */ ({
    label: `run ${key}`,
    colour: "#000",
    dash: 0,
    start: 0,
    runner: { key },
    recording: { about: { kind }, tensors: ["2.weight"] },
  });

/** @param {any} run @param {string} label @param {number[]} values @param {any} [more] */
const lineOf = (run, label, values, more = {}) => {
  const shown = Float32Array.from(values);
  return /** @type {any} */ ({
    run,
    label,
    column: label,
    values: shown,
    shown,
    steps: values.map((_, i) => i),
    ...more,
  });
};

test("a key names each run once and each dash once", () => {
  const [a, b] = [runOf(1), runOf(2)];
  const lines = [a, b].flatMap((run) => [lineOf(run, "x", [1]), lineOf(run, "y", [2], { dash: "dot" })]);
  const { runs, meanings } = keyOf(lines, []);
  assert.deepEqual(runs, [a, b]);
  assert.deepEqual(
    meanings.map(({ label, dash }) => [label, dash]),
    [
      ["x", "solid"],
      ["y", "dot"],
    ],
  );
  assert.deepEqual(keyOf([lineOf(a, "loss", [1])], []).meanings, [], "one meaning needs no words");
});

test("a line of a tensor says of which", () => {
  assert.equal(
    meaningOf(lineOf(runOf(1), "median", [1], { column: "2.weight/effective_lr_median" })),
    "median of 2.weight",
  );
  assert.equal(meaningOf(lineOf(runOf(1), "own", [1], { column: "mine/loss" })), "own");
});

test("the readout has a row for each run with its values at the cursor", () => {
  const [a, b] = [runOf(1), runOf(2, "train")];
  const lines = [lineOf(a, "x", [1, 2]), lineOf(a, "y", [3, Number.NaN]), lineOf(b, "x", [5, Number.NaN])];
  const { columns, rows } = readoutOf(lines, 1, null);
  assert.deepEqual(columns, ["x", "y"]);
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      ["2", "–"],
      ["NaN", ""],
    ],
  );
});

test("of many runs the outer ones are told, and the one that is brought out", () => {
  const lines = Array.from({ length: 24 }, (_, i) => lineOf(runOf(i), "loss", [i]));
  const { rows, more } = readoutOf(lines, 0, 12);
  assert.deepEqual(
    rows.map(({ run }) => run.runner.key),
    [23, 22, 21, 20, 12, 3, 2, 1, 0],
  );
  assert.equal(more, 15);
});

test("names at the ends of lines lie in order, apart, and inside; without room there are none", () => {
  const items = [{ y: 50 }, { y: 52 }, { y: 199 }, { y: 198 }, { y: 1 }];
  spread(items, 8, 192, 16);
  const ys = items.map(({ y }) => y);
  assert.ok(
    ys.every((y, i) => i === 0 || y - /** @type {number} */ (ys[i - 1]) >= 16 - 1e-9),
    String(ys),
  );
  assert.ok(Math.min(...ys) >= 8 && Math.max(...ys) <= 192);
  const runs = [runOf(1), runOf(2)];
  assert.ok(labelWidth(runs, 900, 220, 12) > 30);
  assert.equal(labelWidth(runs, 400, 220, 12), 0, "too narrow");
  assert.equal(labelWidth([runOf(1)], 900, 220, 12), 0, "one needs none");
  assert.equal(
    labelWidth(
      Array.from({ length: 24 }, (_, i) => runOf(i)),
      900,
      220,
      12,
    ),
    0,
    "too many",
  );
});

test("a run is named at its heaviest line, at the first of equals", () => {
  const [a, b] = [runOf(1), runOf(2)];
  const lines = [
    lineOf(a, "training", [1], { width: 1 }),
    lineOf(a, "validation", [1], { width: 3 }),
    lineOf(b, "x", [1]),
    lineOf(b, "y", [1]),
  ];
  assert.deepEqual(
    namedLines(lines).map(({ label }) => label),
    ["validation", "x"],
  );
});

test("the line at the pointer is the nearest one, if any is near", () => {
  const lines = [lineOf(runOf(1), "loss", [0, 0, 0]), lineOf(runOf(2), "loss", [1, 0.5, 0])];
  const margin = { l: 0, r: 0, t: 0, b: 0 };
  const at = scalesOf({ width: 200, height: 100, margin, xaxis: { range: [0, 2] }, yaxis: { range: [0, 1] } });
  assert.equal(nearestRun(lines, at, 50, 27), 2, "between its rows");
  assert.equal(nearestRun(lines, at, 50, 98), 1);
  assert.equal(nearestRun(lines, at, 150, 20), null, "far from both");
  assert.equal(nearestRun(lines, at, 250, 98), null, "outside of the plot");
});

/** @param {Record<string, { step: number[], value: (number | null)[] }>} columns @param {string[]} tensors */
function recordingOf(columns, tensors) {
  const recording = new Recording({ kind: "train", tensors: tensors.map((name) => ({ name })) });
  const read = Object.entries(columns).map(([name, { step, value }]) => [
    name,
    { step, value: Float32Array.from(value, (each) => each ?? Number.NaN) },
  ]);
  recording.load([{ next_seq: 1, columns: Object.fromEntries(read) }]);
  return recording;
}

test("a band spans all tensors, and names those at its edges", () => {
  const recording = recordingOf(
    {
      "a/norm": { step: [1, 2, 3, 4], value: [1, 5, null, 2] },
      "b/norm": { step: [1, 2, 3, 4], value: [3, 2, null, 0] },
    },
    ["a", "b"],
  );
  const columns = { low: "{each}/norm", y: "{each}/norm" };
  const finite = (/** @type {number | undefined} */ value) => (Number.isFinite(value) ? value : null);
  const band = /** @type {import("../../static/chart/band.mjs").Band} */ (
    bandOf(columns, recording, { placed: finite })
  );
  assert.deepEqual(band.low, [1, 2, null, 0]);
  assert.deepEqual(band.high, [3, 5, null, 2]);
  assert.deepEqual(band.pieces, [[0, 1], [3]], "in two pieces, with the gap between");
  const run = /** @type {any} */ ({ ...runOf(1), recording });
  assert.deepEqual(
    extremesOf([{ ...band, run, label: "" }], 2).map(({ text }) => text),
    ["largest a 5, smallest b 2"],
  );
  const positive = (/** @type {number | undefined} */ value) => (Number(value) > 0 ? value : null);
  assert.deepEqual(bandOf(columns, recording, { placed: positive })?.low, [1, 2, null, 2], "a logarithm has no zero");
  assert.equal(bandOf({ low: "{each}/none", y: "{each}/none" }, recording, { placed: finite }), null);
});
