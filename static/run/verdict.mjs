// What several training runs differ in, and what the server says of how they part.

import { get, latest } from "../data/api.mjs";
import { sentencesOf } from "../data/findings.mjs";
import { flatten } from "../data/settings.mjs";
import { number } from "../ui/format.mjs";

const ASK_MS = 3_000; // from one question to the next while runs go on
const STATE = ["id", "status", "outcome"]; // what makes a question due at once
const SAID = ["runs_validated.", "runs_part.", "runs_broke."]; // the findings that make the sentence

/**
 * The settings in which the runs differ, by path.
 * @param {Record<string, any>[]} configs
 * @returns {{ name: string, values: string[] }[]}
 */
export function differences(configs) {
  const flat = configs.map((config) => flatten(config));
  const names = [...new Set(flat.flatMap((one) => Object.keys(one)))].filter(
    (name) => name !== "name" && name !== "tags",
  );
  return names
    .map((name) => ({ name, values: flat.map((one) => text(one[name])) }))
    .filter(({ values }) => new Set(values).size > 1);
}

/** @param {any} value */
function text(value) {
  if (value === undefined || value === null) return "–";
  return typeof value === "number" ? number(value) : String(value);
}

/**
 * Keeps the sentence on how the runs part: asks when a run's state changes, and every now and then while one goes on.
 * @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store
 */
export function mountRunsVerdict(root, store) {
  /** @type {import("../data/findings.mjs").Finding[]} */
  let findings = [];
  let [states, steps] = ["", ""];
  let waiting = 0;
  const ask = latest(
    (/** @type {string} */ runs) => get(`/api/findings?runs=${encodeURIComponent(runs)}`),
    (answer) => {
      findings = answer.findings;
      render();
    },
    () => {}, // what is wrong with the connection or the runs is told elsewhere
  );
  function render() {
    const sentence = runsVerdict(findings, store.get().visible);
    if (root.textContent !== sentence) root.textContent = sentence;
  }
  function question() {
    window.clearTimeout(waiting);
    waiting = 0;
    const { visible } = store.get();
    [states, steps] = [told(visible, STATE), told(visible, ["step"])];
    if (visible.length > 1) ask(told(visible, ["id"]));
  }
  function follow() {
    const { visible } = store.get();
    if (told(visible, STATE) !== states) question();
    else if (told(visible, ["step"]) !== steps && !waiting) waiting = window.setTimeout(question, ASK_MS);
    render();
  }
  store.on(["visible", "runs"], follow);
}

/** These facts of each run. @param {any[]} runs @param {string[]} names */
function told(runs, names) {
  return runs.map(({ recording }) => names.map((name) => recording.about[name]).join(" ")).join();
}

/**
 * How the runs part, in the server's words and with the names that they have here.
 * @param {import("../data/findings.mjs").Finding[]} findings
 * @param {any[]} runs
 */
export function runsVerdict(findings, runs) {
  if (!runs.some((run) => run.recording.columns.loss?.length))
    return runs.length ? "The curves begin with the first steps." : "";
  const said = findings.filter(({ code }) => SAID.some((check) => code.startsWith(check)));
  return sentencesOf(said, new Map(runs.map((run) => [run.recording.about.id, run])));
}
