// Where a line has no finite value: marks at its gaps, and a sentence for a line that has nothing else.

import { count } from "../ui/format.mjs";

/** @typedef {import("./traces.mjs").Drawn} Drawn */

/**
 * The gaps of these lines as events of their run: one for each stretch of values that are alike.
 * @param {Drawn[]} lines
 * @param {import("./series.mjs").Series} run
 * @returns {import("../run/events.mjs").ShownEvent[]}
 */
export function gapsOf(lines, run) {
  return lines.filter((line) => line.run === run && measured(line)).flatMap(gaps);
}

/** What is said of lines that have values, but no finite one. @param {Drawn[]} lines */
export function lostText(lines) {
  const told = lines.filter(measured);
  return told.map((line) => `${told.length > 1 ? `${nameOf(line)}: all` : "All"} ${valuesOf(line)}.`).join(" ");
}

/** What a logarithmic axis leaves out of these lines. @param {Drawn[]} lines */
export function leftOutText(lines) {
  const finite = lines.flatMap((line) =>
    // A walk's first row is its start, which no step has led to.
    Array.from(line.values.subarray(measured(line) ? 0 : 1)).filter(Number.isFinite),
  );
  const low = finite.filter((value) => value <= 0).length;
  if (!low) return "";
  return `${count(low)} of ${count(finite.length)} values are 0 or less: a logarithmic axis leaves them out.`;
}

/** A value that is no finite number, in a word. @param {number} value */
export function wordOf(value) {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "−inf";
}

/** @param {Drawn} line */
function valuesOf({ values }) {
  const words = [...new Set(Array.from(values, wordOf))];
  return values.length > 1 ? `${count(values.length)} values are ${words.join(" or ")}` : `it has is ${words[0]}`;
}

/** In a walk NaN says that there is no such number: no step before the first, no rate of a weight that is 0. @param {Drawn} line */
function measured({ run }) {
  return run.recording.about.kind !== "trajectory";
}

/** @param {Drawn} line */
function nameOf({ run, label }) {
  return [run.label, label].filter(Boolean).join(" ");
}

/** @param {Drawn} line @returns {import("../run/events.mjs").ShownEvent[]} */
function gaps({ column, values, steps }) {
  /** @type {{ word: string, first: number, last: number }[]} */
  const found = [];
  for (let i = 0; i < values.length; i++) {
    const value = /** @type {number} */ (values[i]);
    if (Number.isFinite(value)) continue;
    const word = wordOf(value);
    const before = i > 0 && !Number.isFinite(values[i - 1]) ? found.at(-1) : undefined;
    const step = /** @type {number} */ (steps[i]);
    if (before?.word === word) before.last = step;
    else found.push({ word, first: step, last: step });
  }
  return found.map(({ word, first, last }) => ({
    step: first,
    kind: "gap",
    short: word,
    sentence: `${last > first ? `Steps ${count(first)} to ${count(last)}` : `Step ${count(first)}`}: ${column} is ${word}.`,
    quiet: false,
  }));
}
