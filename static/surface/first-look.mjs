// One's own formula gets what suits it: learning rates, steps, a view, and a start in it, as soon as it is answered.

import { OWN } from "../data/address.mjs";
import { withRates } from "../data/opening.mjs";

/**
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {{ box: number[], start: [number, number], lr_gradient: number, lr_adaptive: number, steps: number }} Suggested
 */

/**
 * Follows the formula that is typed. What was chosen by hand after the last suggestion stays. While the answer is
 * awaited the store says `settling`, so that formula and settings become one entry of the history.
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {boolean} bare  whether the page was opened on a formula, and no runner, so that this holds for it too
 */
export function followFormula(store, catalogue, bare) {
  /** @type {Suggested | null} */
  let last = null;
  let letGo = false; // whether the user has let go of the field before the answer came
  const { surface } = store.get();
  store.set({ settling: bare && surface === OWN }, false);
  store.on(["formula", "surface"], ({ surface }) => {
    if (surface !== OWN) last = null;
    letGo = false;
    store.set({ settling: surface === OWN }, false);
  });
  store.onCommit(({ settling }) => {
    letGo = settling;
  });
  store.on(["result", "error", "offline"], (state) => {
    if (!state.settling) return;
    const { surface, view } = state.result ?? {};
    const answered = surface?.suggested && view.formula === state.formula;
    if (!answered && !state.error && !state.offline) return;
    const patch = answered ? suited(state, surface.suggested, last, catalogue) : {};
    if (answered) last = surface.suggested;
    store.set({ ...patch, settling: false }, letGo);
  });
}

/**
 * What of the view changes.
 * @param {View} view
 * @param {Suggested} now
 * @param {Suggested | null} before  what was suggested for the formula as it was
 * @param {any} catalogue
 * @returns {Partial<View>}
 */
export function suited(view, now, before, catalogue) {
  const rates = withRates(view.runners, catalogue, now);
  const earlier = before && withRates(view.runners, catalogue, before);
  const kept = (/** @type {number} */ i) => earlier && view.runners[i]?.hyper.lr !== earlier[i]?.hyper.lr;
  const [x0 = 0, x1 = 0, y0 = 0, y1 = 0] = now.box;
  const seen = view.starts.every(([x, y]) => x > x0 && x < x1 && y > y0 && y < y1);
  return {
    runners: rates.map((runner, i) =>
      kept(i) ? /** @type {import("../data/runner.mjs").Runner} */ (view.runners[i]) : runner,
    ),
    ...(seen ? {} : { starts: [now.start], shownStart: 0 }),
    ...(before && view.steps !== before.steps ? {} : { steps: now.steps }),
  };
}
