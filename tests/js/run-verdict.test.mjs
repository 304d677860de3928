// The sentences that compare training runs, and why a line is not drawn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { absent } from "../../static/chart/traces.mjs";
import { runsVerdict } from "../../static/run/verdict.mjs";

/** A run as the page has it. @param {string} label @param {number[]} loss */
function run(label, loss) {
  return { label, recording: { columns: { loss: Float32Array.from(loss) }, about: { id: `id-${label}` } } };
}

/** A finding about a run. @param {string} code @param {string} id @param {string} template @returns {any} */
function finding(code, id, template) {
  return { code, template, numbers: { loss: 0.123456 }, runs: { run: id }, words: {}, columns: {}, steps: null };
}

const FINDINGS = [
  finding("runs_part.even", "id-A", "{run} stands at {loss:number}."),
  finding("runs_broke.diverged", "id-B", "{run} diverged."),
  finding("no_warm_up.now", "id-A", "{run} has no warm-up."),
];

test("the sentence is what the server says of how the runs part, by the names that they have here", () => {
  assert.equal(runsVerdict(FINDINGS, [run("A", [3]), run("B", [4])]), "A stands at 0.123. B diverged.");
  assert.equal(runsVerdict(FINDINGS, [run("A", [3]), run("C", [4])]), "A stands at 0.123.");
});

test("before the first steps there is nothing to say, and of no runs nothing at all", () => {
  assert.equal(runsVerdict([], [run("A", []), run("B", [])]), "The curves begin with the first steps.");
  assert.equal(runsVerdict([], [run("A", [3]), run("B", [])]), "");
  assert.equal(runsVerdict([], []), "");
});

const TRACES = [
  { meta: { y: "angle", label: "angle" } },
  { meta: { y: "expected_angle", detail: true, absent: "No theory gives the angle for {runs}." } },
];

/** @param {string} label @param {string[]} names @returns {any} */
function shown(label, ...names) {
  return { label, recording: { about: {}, columns: Object.fromEntries(names.map((name) => [name, [1]])) } };
}

test("where nothing is declared the chart says so, of the runs that decay and are drawn", () => {
  const [known, one, other] = [
    shown("AdamW", "weight_decay", "expected_angle"),
    shown("LAMB", "weight_decay"),
    shown("Lion", "weight_decay"),
  ];
  const all = [known, one, other];
  const drawn = all.map((each) => ({ run: each }));
  assert.equal(absent(TRACES, all, drawn), "No theory gives the angle for LAMB, Lion.");
  assert.equal(absent(TRACES, all, drawn.slice(0, 2)), "No theory gives the angle for LAMB.");
  assert.equal(absent(TRACES, [known], drawn), "");
  assert.equal(absent(TRACES, [shown("SGD")], [{ run: shown("SGD") }]), "");
  const still = shown("LAMB", "weight_decay");
  still.recording.columns.weight_decay = [0, 0];
  assert.equal(absent(TRACES, [still], [{ run: still }]), "", "what does not decay has no rate");
  const many = Array.from({ length: 5 }, () => one);
  const drawnMany = many.map((each) => ({ run: each }));
  assert.equal(absent(TRACES, many, drawnMany), "");
});
