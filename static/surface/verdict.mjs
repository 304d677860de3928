// Plain sentences that say, with numbers of the step at the cursor, how the optimizers part.

import { shownRuns } from "../chart/series.mjs";
import { sentencesOf } from "../data/findings.mjs";
import { cursor } from "../ui/player.mjs";

/** @typedef {import("../chart/series.mjs").Series} Series */

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountVerdict(root, store) {
  const render = () => {
    const state = store.get();
    const sentence = verdict(state.result, shownRuns(state), cursor(state));
    if (root.textContent !== sentence) root.textContent = sentence;
  };
  store.on(["visible", "shownStart", "step", "hover", "steps"], render);
  render();
}

/**
 * @param {{ recordings: any[], findings: import("../data/findings.mjs").Finding[] } | null} result  the server's answer
 * @param {Series[]} runs  all from one start
 * @param {number} step
 * @returns {string}
 */
export function verdict(result, runs, step) {
  if (!result || runs.length < 2) return "";
  if (step === 0) return "All start at one point. Press Play, or move the slider below, to see them part.";
  const told = new Map(runs.map((run) => [result.recordings.indexOf(run.recording), run]));
  // Why it is so stands on Explore; here the numbers of each follow.
  const said = (result.findings ?? []).filter(({ code }) => code !== "same_decay.cause");
  return sentencesOf(said, told, step);
}
