// Recordings: columns with their own steps, loaded, streamed and seen close.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Recording } from "../../static/data/recording.mjs";

/** An answer of `GET …/frames`. @param {number} seq @param {object} columns @param {object} [more] */
const stored = (seq, columns, more = {}) => ({ next_seq: seq, columns, events: [], ...more });
/** A column as it is stored. @param {number[]} step @param {any} value @param {number[]} [shape] */
const column = (step, value, shape) => ({
  step,
  value: Object.assign(Float32Array.from(value), shape ? { shape } : {}),
});
/** A frame of the stream with one row. @param {number} seq @param {number} step @param {Record<string, number[]>} columns */
const frame = (seq, step, columns) => ({ seq, first_step: step, columns: { step: [0], ...columns } });

/** @param {Recording} recording @param {string} name */
const told = (recording, name) => [[...recording.steps(name)], [...(recording.columns[name] ?? [])]];

test("answers of different moments lose no frame: each column goes on where its own answer ended", () => {
  const run = new Recording();
  run.load([
    stored(3, { loss: column([1, 2, 3], [3, 2, 1]) }),
    stored(1, { lr: column([1], [0.5]) }, { events: ["old"] }),
  ]);
  assert.equal(run.nextSeq, 1, "the stream is asked from where the oldest answer ended");
  assert.deepEqual(run.events, ["old"]);
  run.append(frame(1, 2, { loss: [2], lr: [0.25] }));
  run.append(frame(2, 3, { loss: [1], lr: [0.125] }));
  run.append(frame(3, 4, { loss: [0.5], lr: [0] }));
  assert.deepEqual(told(run, "loss"), [
    [1, 2, 3, 4],
    [3, 2, 1, 0.5],
  ]);
  assert.deepEqual(told(run, "lr"), [
    [1, 2, 3, 4],
    [0.5, 0.25, 0.125, 0],
  ]);
});

test("a frame that came before is ignored, one with a new column begins it", () => {
  const run = new Recording();
  run.append(frame(0, 1, { loss: [3] }));
  run.append(frame(0, 1, { loss: [3] }));
  run.append({ ...frame(1, 2, { loss: [2], val_loss: [9] }), events: ["changed"] });
  assert.deepEqual(told(run, "loss"), [
    [1, 2],
    [3, 2],
  ]);
  assert.deepEqual(told(run, "val_loss"), [[2], [9]]);
  assert.deepEqual(run.events, ["changed"]);
  assert.equal(run.lastStep, 2);
});

test("a frame that goes back takes the place of what its columns had from its first step on", () => {
  const run = new Recording();
  const steps = Array.from({ length: 20 }, (_, i) => i + 1);
  run.load([stored(2, { loss: column(steps, steps), val_loss: column([10, 20], [1, 2]) })]);
  run.loadDetail([stored(2, { loss: column([15, 16], [15, 16]) })]);
  run.append({ seq: 2, first_step: 11, columns: { step: [0, 1], loss: [0.5, 0.25] }, events: ["resumed"] });
  assert.deepEqual(told(run, "loss"), [
    [...steps.slice(0, 10), 11, 12],
    [...steps.slice(0, 10), 0.5, 0.25],
  ]);
  assert.deepEqual(told(run, "val_loss"), [
    [10, 20],
    [1, 2],
  ]);
  run.append(frame(3, 20, { val_loss: [3] }));
  assert.deepEqual(told(run, "val_loss"), [
    [10, 20],
    [1, 3],
  ]);
  run.append({ seq: 4, first_step: 5, columns: { step: [], loss: [] } });
  assert.equal(run.steps("loss").length, 12, "a frame without rows goes nowhere");
});

test("columns grow beyond the room that they were loaded with, histograms too, and what was loaded stays", () => {
  const run = new Recording();
  const loaded = column([1], [1, 2, 3], [1, 3]);
  run.load([stored(0, { "a/hist": loaded })]);
  for (let seq = 0; seq < 200; seq++) {
    const values = Object.assign(Float32Array.of(seq, seq, seq), { shape: [1, 3] });
    run.append({ seq, first_step: seq + 2, columns: { step: [0], "a/hist": values } });
  }
  assert.equal(run.width("a/hist"), 3);
  assert.equal(run.columns["a/hist"]?.length, 3 * 201);
  assert.deepEqual([...(run.columns["a/hist"] ?? []).slice(-3)], [199, 199, 199]);
  assert.deepEqual([...loaded.value], [1, 2, 3]);
});

test("what is loaded takes the place of all that was known, and what is asked of it is read once", () => {
  const run = new Recording();
  run.load([stored(1, { loss: column([1], [3]) })]);
  assert.equal(run.columns, run.columns);
  run.load([stored(5, { lr: column([1], [0.5]) })]);
  assert.deepEqual(Object.keys(run.columns), ["lr"]);
  assert.deepEqual([...run.steps("loss")], []);
});

test("a closer look at a range stands in for the thinned column until it ends", () => {
  const run = new Recording();
  run.load([stored(1, { loss: column([1, 100], [3, 1]) })]);
  run.loadDetail([stored(1, { loss: column([1, 2, 3], [3, 2.5, 2]) })]);
  assert.deepEqual([...run.steps("loss")], [1, 2, 3]);
  assert.equal(run.lastStep, 100);
  run.loadDetail([]);
  assert.deepEqual([...run.steps("loss")], [1, 100]);
});

test("a trajectory is a recording whose columns share the steps", () => {
  const step = Float32Array.of(0, 1, 2);
  const answer = { optimizer: "adamw", outcome: "diverged", reason: "Too large.", states: ["m"], hyper: { lr: 1 } };
  const walk = Recording.ofTrajectory({ ...answer, columns: { step, x: Float32Array.of(3, 2, 1) } });
  assert.deepEqual(told(walk, "x"), [
    [0, 1, 2],
    [3, 2, 1],
  ]);
  assert.deepEqual([walk.lastStep, walk.outcome, walk.reason, walk.broke], [2, "diverged", "Too large.", true]);
  assert.deepEqual([walk.states, walk.tensors, walk.about.hyper], [["m"], [], { lr: 1 }]);
  assert.equal(walk.columns.step, walk.columns.step);
});

test("the rows of a trajectory are its steps, also where the answer leaves them out", () => {
  const walk = Recording.ofTrajectory({ columns: { x: Float32Array.of(3, 2, 1) } });
  assert.deepEqual(told(walk, "x"), [
    [0, 1, 2],
    [3, 2, 1],
  ]);
  assert.deepEqual([...(walk.columns.step ?? [])], [0, 1, 2]);
  assert.equal(Recording.ofTrajectory({ columns: {} }).lastStep, 0);
});

test("tensors are those that were declared, else those that columns name", () => {
  const run = new Recording({ tensors: [{ name: "b" }, { name: "a" }] });
  assert.deepEqual(run.tensors, ["b", "a"]);
  const foreign = new Recording({});
  foreign.append(frame(0, 1, { "w/angle": [1], "w/weight_norm": [1], loss: [1] }));
  assert.deepEqual(foreign.tensors, ["w"]);
});
