// The colour and dash of a runner: an optimizer looks the same on every page.

import { colour } from "../ui/theme.mjs";

// The four that tell the story of decay keep the strongest colours; the others share the rest.
const STORY = ["adam_l2", "adamw", "adamw_lh", "sgd_l2"];
export const COLOURS = 8;
/** With more runs in a chart, the finer lines of each and those of every tensor are left out. */
export const FEW_RUNS = 4;

/** Stroke patterns in units of the line width, with their names. */
export const DASHES = [
  { name: "solid", pattern: "", plotly: "solid" },
  { name: "dashed", pattern: "6 3", plotly: "dash" },
  { name: "dotted", pattern: "1.5 2.5", plotly: "dot" },
  { name: "dash-dot", pattern: "6 3 1.5 3", plotly: "dashdot" },
  { name: "long dash", pattern: "11 4", plotly: "longdash" },
];

/**
 * How each runner is drawn: its own choice, or a colour by optimizer and a dash that tells it from
 * earlier runners of the same colour.
 * @param {import("../data/address.mjs").Runner[]} runners
 * @param {string[]} optimizers  all ids, in the catalogue's order
 * @param {boolean} [apart]  whether those of one optimizer get colours of their own, as long as there are any
 * @returns {{ colour: string, slot: number, dash: number }[]}
 */
export function looks(runners, optimizers, apart = false) {
  /** @type {Map<number, number>} */
  const used = new Map();
  const wanted = runners.map(({ colour: own, optimizer }) =>
    own >= 0 ? own % COLOURS : slotOf(optimizer, optimizers),
  );
  return wanted.map((first, i) => {
    const runner = /** @type {import("../data/address.mjs").Runner} */ (runners[i]);
    let slot = first;
    if (apart && used.has(slot)) {
      const free = Array.from({ length: COLOURS }, (_, k) => k).find((k) => !used.has(k) && !wanted.includes(k));
      slot = free ?? slot;
    }
    const times = used.get(slot) ?? 0;
    used.set(slot, times + 1);
    const dash = (runner.dash >= 0 ? runner.dash : times) % DASHES.length;
    return { colour: colour(`--series-${slot}`), slot, dash };
  });
}

/** @param {string} optimizer @param {string[]} optimizers */
function slotOf(optimizer, optimizers) {
  const story = STORY.indexOf(optimizer);
  if (story >= 0) return story;
  const others = optimizers.filter((id) => !STORY.includes(id));
  return STORY.length + (Math.max(others.indexOf(optimizer), 0) % (COLOURS - STORY.length));
}
