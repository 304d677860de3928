// What a run measured besides what charts are declared for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chartOf, ownCharts, scalarsOf } from "../../static/chart/own.mjs";
import { tensorsOf } from "../../static/data/recording.mjs";

const declared = { id: "run_loss", about: "run", figure: { data: [{ meta: { y: "loss" } }] } };
const catalogue = { charts: [declared] };
const of = (/** @type {string[]} */ ...names) => Object.fromEntries(names.map((name) => [name, 1]));

test("own metrics are numbers of a step that belong to no tensor and stand in no chart", () => {
  const foreign = { columns: { ...of("loss", "reward", "eval/bleu", "w/angle", "path_x"), hist: 64 } };
  assert.deepEqual(scalarsOf([foreign]), ["loss", "reward", "eval/bleu"]);
  const own = ownCharts([foreign, { columns: of("reward", "tokens") }], catalogue);
  assert.deepEqual(
    own.map(({ id, title }) => [id, title]),
    [
      ["own:reward", "reward"],
      ["own:eval/bleu", "eval/bleu"],
      ["own:tokens", "tokens"],
    ],
  );
});

test("where tensors are declared, theirs is what bears their name, single coordinates too", () => {
  const about = { tensors: [{ name: "0.w/x" }], columns: of("0.w/x/odd", "0.w/x[3]/value", "other/angle") };
  assert.deepEqual(scalarsOf([about]), ["other/angle"]);
});

test("a chart of its own shows the column under its name; others are those declared", () => {
  const chart = chartOf("own:eval/bleu", catalogue);
  assert.equal(chart?.figure.data[0].meta.y, "eval/bleu");
  assert.equal(chart?.figure.layout.yaxis.title.text, "eval/bleu");
  assert.equal(chartOf("run_loss", catalogue), declared);
  assert.equal(chartOf("gone", catalogue), undefined);
});

test("a metric with a slash in its name makes no tensor", () => {
  assert.deepEqual(tensorsOf({}, ["eval/bleu", "a/b/weight_norm", "a/b/effective_lr_hist", "w/angle"]), ["a/b", "w"]);
});
