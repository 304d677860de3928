// One plain sentence that says, with numbers from this run, how the optimizers part.

import { number, percent, stepCount } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";

/** @typedef {import("../chart/series.mjs").Series} Series */

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountVerdict(root, store) {
  const render = () => {
    const state = store.get();
    const runs = state.visible.filter((/** @type {Series} */ run) => run.start === 0);
    const sentence = verdict(runs, cursor(state));
    if (root.textContent !== sentence) root.textContent = sentence;
  };
  store.on(["visible", "step", "hover", "steps"], render);
  render();
}

/**
 * @param {Series[]} runs
 * @param {number} step
 * @returns {string}
 */
export function verdict(runs, step) {
  const [first] = runs;
  if (!first || runs.length < 2) return "";
  const broken = runs.filter((run) => (run.recording.columns.step?.length ?? 0) - 1 < step);
  if (broken.length) return broken.map((run) => `${run.label}: ${run.recording.reason}`).join(" ");
  if (step === 0) return "All start at one point. Press Play, or move the slider below, to see them part.";
  // Where the surface is as steep both ways, "steep" would tell no more than where the start lies.
  const alike = isAlike(curvature(first, "x"), curvature(first, "y"));
  const steep = alike || steepness(first, "x", step) >= steepness(first, "y", step) ? "x" : "y";
  const flat = steep === "x" ? "y" : "x";
  const [named, other] = alike ? [steep, flat] : [`the steep coordinate ${steep}`, `the flat one ${flat}`];
  const parts = runs.map((run) => {
    const [atSteep, atFlat] = [shrink(run, steep, step), shrink(run, flat, step)];
    if (atSteep === 0 && atFlat === 0) return `${run.label} has not decayed`;
    return isAlike(atSteep, atFlat, 0.005)
      ? `${run.label} has shrunk both by ${percent(atSteep)}`
      : `${run.label} has shrunk ${named} by ${percent(atSteep)} and ${other} by ${percent(atFlat)}`;
  });
  const losses = runs.map((run) => `${run.label} ${number(run.recording.columns.loss?.[step], 3)}`).join(", ");
  return `After ${stepCount(step)}, by decay alone, ${parts.join("; ")}. The loss stands at: ${losses}.`;
}

/** @param {number} a @param {number} b @param {number} [tolerance]  as a share of the larger */
function isAlike(a, b, tolerance = 0.02) {
  return Math.abs(a - b) < tolerance * Math.max(Math.abs(a), Math.abs(b));
}

/**
 * How much a coordinate's gradient changes along it, over all steps; on a bowl exactly its curvature.
 * @param {Series} run
 * @param {string} axis
 */
function curvature(run, axis) {
  const [theta, grad] = [run.recording.columns[axis] ?? [], run.recording.columns[`grad_${axis}`] ?? []];
  let [shared, size] = [0, 0];
  for (let t = 1; t + 1 < theta.length; t++) {
    const moved = (theta[t] ?? 0) - (theta[t - 1] ?? 0);
    shared += moved * ((grad[t + 1] ?? 0) - (grad[t] ?? 0)); // the gradient of row t was taken at row t − 1
    size += moved * moved;
  }
  return shared / size;
}

/** Mean square gradient of a coordinate so far. @param {Series} run @param {string} axis @param {number} step */
function steepness(run, axis, step) {
  let sum = 0;
  for (let t = 1; t <= step; t++) sum += (run.recording.columns[`grad_${axis}`]?.[t] ?? 0) ** 2;
  return sum;
}

/**
 * The fraction that decay alone has taken from a coordinate: 1 − (1 − r)ⁿ with r the effective decay
 * ⟨decay, θ⟩/⟨θ, θ⟩ over the n steps so far (exactly ηλ for decoupled decay at constant η).
 * @param {Series} run
 * @param {string} axis
 * @param {number} step
 */
export function shrink(run, axis, step) {
  const [theta, decay] = [run.recording.columns[axis], run.recording.columns[`decay_part_${axis}`]];
  let [shared, size] = [0, 0];
  for (let t = 1; t <= step; t++) {
    const before = theta?.[t - 1] ?? 0;
    shared += (decay?.[t] ?? 0) * before;
    size += before * before;
  }
  return size > 0 ? 1 - (1 - shared / size) ** step : 0;
}
