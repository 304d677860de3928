// What several training runs differ in, and one sentence with their numbers.

import { extent, rowAt } from "../data/columns.mjs";
import { flatten } from "../data/settings.mjs";
import { count, number, stepCount } from "../ui/format.mjs";

const IN_A_SENTENCE = 3; // runs
const BROKEN = new Set(["diverged", "undefined"]);

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
 * How the runs part: losses, weight norm and how unevenly decay acts over their tensors.
 * @param {any[]} runs
 */
export function runsVerdict(runs) {
  const known = runs.filter((run) => run.recording.columns.loss?.length);
  if (known.length < 2) return known.length ? "" : "The curves begin with the first steps.";
  const together = new Set(known.map((run) => run.recording.about.task)).size < 2;
  if (!together) return "These runs train different tasks: their losses say nothing about each other.";
  const broken = known.filter((run) => BROKEN.has(run.recording.about.outcome));
  const whole = known.filter((run) => !broken.includes(run));
  return [whole.length && verdictOf(whole), breaks(broken)].filter(Boolean).join(" ");
}

/** Of runs that did not break: at a step that all have reached. @param {any[]} runs */
function verdictOf(runs) {
  const step = runs.reduce((least, run) => Math.min(least, run.recording.steps("loss").at(-1) ?? 0), Infinity);
  if (runs.length > IN_A_SENTENCE) return verdictOfMany(runs, step);
  const parts = runs.map((run) => {
    const spread = decaySpread(run, step);
    const decay =
      spread === null
        ? "does not decay"
        : spread < 1.02
          ? "shrinks all decayed tensors at one rate"
          : `shrinks its tensors at rates that differ by a factor of ${number(spread, 2)}`;
    return `${run.label} ${decay} and stands at a loss of ${number(lossAt(run, step), 3)}`;
  });
  return `After ${stepCount(step)} ${parts.join("; ")}.`;
}

/** Which runs broke, and when. @param {any[]} runs */
function breaks(runs) {
  if (runs.length > IN_A_SENTENCE) {
    const names = runs.map((run) => run.label);
    return `${names.slice(0, -1).join(", ")} and ${names.at(-1)} broke: see the events below.`;
  }
  const words = (/** @type {any} */ run) =>
    `${run.label} ${run.recording.about.outcome === "diverged" ? "diverged" : "came to a number that is not finite"} at step ${count(run.recording.about.step)}`;
  return runs.length ? `${runs.map(words).join("; ")}.` : "";
}

/** Who stands lowest and highest, and whose decay is least even. @param {any[]} runs @param {number} step */
function verdictOfMany(runs, step) {
  const byLoss = runs
    .map((run) => ({ label: run.label, loss: lossAt(run, step) }))
    .sort((a, b) => (Number.isFinite(a.loss) ? a.loss : Infinity) - (Number.isFinite(b.loss) ? b.loss : Infinity));
  const [low, high] = [byLoss[0], byLoss.at(-1)];
  const spreads = runs
    .map((run) => ({ label: run.label, spread: decaySpread(run, step) ?? 0 }))
    .sort((a, b) => b.spread - a.spread);
  const uneven = spreads[0];
  const decay =
    uneven && uneven.spread >= 1.02
      ? ` Decay is least even with ${uneven.label}: the rates of its tensors differ by a factor of ${number(uneven.spread, 2)}.`
      : "";
  return `After ${stepCount(step)} ${low?.label} stands lowest, at a loss of ${number(low?.loss, 3)}, and ${high?.label} highest, at ${number(high?.loss, 3)}.${decay}`;
}

/** The loss of that step, as the charts tell it. @param {any} run @param {number} step */
function lossAt(run, step) {
  return run.recording.columns.loss[rowAt(run.recording.steps("loss"), step)];
}

/** The largest effective decay over the smallest, of the tensors that decay. @param {any} run @param {number} step */
function decaySpread(run, step) {
  const rates = run.recording.tensors
    .filter(
      (/** @type {string} */ name) =>
        run.recording.about.tensors?.find((/** @type {any} */ t) => t.name === name)?.decayed ?? true,
    )
    .map((/** @type {string} */ name) => Math.abs(recent(run, `${name}/effective_decay`, step)))
    .filter((/** @type {number} */ rate) => rate > 0);
  const [low, high] = extent(rates);
  return rates.length > 0 ? high / low : null;
}

/**
 * Mean of the last tenth before `step`, at most 20 values.
 * @param {any} run @param {string} column @param {number} step
 */
function recent(run, column, step) {
  const [values, steps] = [run.recording.columns[column], run.recording.steps(column)];
  if (!values?.length || !steps) return NaN;
  const until = values.subarray(0, rowAt(steps, step) + 1);
  const tail = until.subarray(-Math.min(20, Math.max(1, Math.ceil(until.length / 10))));
  return tail.reduce((/** @type {number} */ sum, /** @type {number} */ value) => sum + value, 0) / tail.length;
}
