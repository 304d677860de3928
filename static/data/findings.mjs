// What the server says of runs: sentences with places for numbers, which are filled for any step.

import { count, number, percent, stepCount } from "../ui/format.mjs";

/**
 * @typedef {{ code: string, numbers: Record<string, number | null>, template: string, runs: Record<string, number | string>,
 *   words: Record<string, string>, columns: Record<string, { run: number | string, column: string }>,
 *   steps: [number, number] | null }} Finding
 * @typedef {{ label: string, recording: { columns: Record<string, ArrayLike<number>> } }} Told  a run as the page calls and has it
 */

/** How the numbers of a template are written, as `optim_core/wording.py` writes them. @type {Record<string, (value: any) => string>} */
const KINDS = {
  text: String,
  number: (value) => number(value, 3),
  factor: (value) => number(value, 2),
  percent: (value) => percent(value ?? NaN),
  count,
  steps: stepCount,
};

/** A number as sentences write it. @param {string} kind @param {any} value */
export function written(kind, value) {
  return /** @type {(value: any) => string} */ (KINDS[kind] ?? String)(value);
}

/**
 * A finding's sentence; with a step, as it is then. Null where it says nothing of that step or of these runs.
 * @param {Finding} finding
 * @param {Map<number | string, Told>} runs  those that are shown
 * @param {number} [step]
 * @returns {string | null}
 */
export function sentenceOf(finding, runs, step) {
  const [first, last] = finding.steps ?? [0, Infinity];
  if (step !== undefined && (step < first || step > last)) return null;
  const about = Object.values(finding.runs);
  if (!about.every((run) => runs.has(run))) return null;
  /** @type {Record<string, any>} */
  const values = { ...finding.numbers, ...finding.words };
  for (const [place, run] of Object.entries(finding.runs)) values[place] = runs.get(run)?.label;
  if (step !== undefined)
    for (const [place, { run, column }] of Object.entries(finding.columns))
      values[place] = runs.get(run)?.recording.columns[column]?.[step];
  return finding.template.replace(/\{(\w+)(?::(\w+))?\}/g, (_, place, kind) => written(kind ?? "text", values[place]));
}

/**
 * All that is said of these runs, in one text.
 * @param {Finding[]} findings
 * @param {Map<number | string, Told>} runs
 * @param {number} [step]
 */
export function sentencesOf(findings, runs, step) {
  return findings.flatMap((finding) => sentenceOf(finding, runs, step) ?? []).join(" ");
}
