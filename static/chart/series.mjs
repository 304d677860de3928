// What pictures draw: recordings with a name, a colour and a dash. An optimizer looks the same on every page.

import { colour } from "../ui/theme.mjs";

/**
 * A recording as pictures show it. `runner` is the one that it belongs to on pages with runners, else just a key;
 * `start` counts the starting points of one runner; `complete` tells whether the columns of every tensor are there.
 * @typedef {{
 *   recording: import("../data/recording.mjs").Recording,
 *   label: string,
 *   colour: string,
 *   dash: number,
 *   start: number,
 *   runner: { key: number, optimizer?: string },
 *   complete?: boolean,
 * }} Series
 * @typedef {{ slot: number, dash: number }} Style  `slot`: which of the series' colours
 */

// The four that tell the story of decay keep the strongest colours; the others share the rest.
const FEATURED = ["adam_l2", "adamw", "adamw_lh", "sgd_l2"];
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
  { name: "long dash-dot", pattern: "11 3 1.5 3", plotly: "longdashdot" },
  { name: "dash-dot-dot", pattern: "6 2 1.5 2 1.5 2", plotly: "9px,3px,2px,3px,2px,3px" },
  { name: "sparse dots", pattern: "1.5 6", plotly: "2px,8px" },
];
/** The order in which runs that share a colour take them: last come those that charts tell their lines apart by. */
const ROUNDS = [0, 4, 5, 6, 7, 3, 2, 1];

/**
 * How each is drawn: by its own choice, else in its optimizer's colour and with a dash that tells it from
 * earlier ones of the same colour; no two are alike before all colours have all dashes.
 * @param {{ optimizer?: string | undefined, colour?: number, dash?: number }[]} items  a choice of −1 is none
 * @param {string[]} optimizers  all ids, in the catalogue's order
 * @param {boolean} [apart]  whether those of one optimizer get colours of their own, and dashes only when there are no more
 * @returns {Style[]}
 */
export function stylesOf(items, optimizers, apart = false) {
  /** How many have each colour. @type {number[]} */
  const used = Array(COLOURS).fill(0);
  const wanted = items.map(({ colour: own = -1, optimizer = "" }) =>
    own >= 0 ? own % COLOURS : slotOf(optimizer, optimizers),
  );
  // The first of each optimizer has its colour for sure, before others spread over what is free.
  const sure = new Set(apart ? wanted.map((slot) => wanted.indexOf(slot)) : []);
  for (const i of sure) used[/** @type {number} */ (wanted[i])] = 1;
  return items.map(({ dash = -1 }, i) => {
    const own = /** @type {number} */ (wanted[i]);
    if (sure.has(i)) return { slot: own, dash: Math.max(dash, 0) % DASHES.length };
    const slot = (used[own] ?? 0) < (apart ? 1 : DASHES.length) ? own : leastUsed(used, own);
    const times = (used[slot] ?? 0) % DASHES.length;
    used[slot] = (used[slot] ?? 0) + 1;
    return { slot, dash: dash >= 0 ? dash % DASHES.length : apart ? (ROUNDS[times] ?? 0) : times };
  });
}

/** The colour that the fewest have; the own one of equals. @param {number[]} used @param {number} own */
function leastUsed(used, own) {
  const least = Math.min(...used);
  return used[own] === least ? own : used.indexOf(least);
}

/** The colour of a slot, as the page's theme has it now. @param {number | undefined} slot */
export function colourOf(slot) {
  return slot === undefined ? "" : colour(`--series-${slot}`);
}

/** @param {string} optimizer @param {string[]} optimizers */
function slotOf(optimizer, optimizers) {
  const story = FEATURED.indexOf(optimizer);
  if (story >= 0) return story;
  const others = optimizers.filter((id) => !FEATURED.includes(id));
  return FEATURED.length + (Math.max(others.indexOf(optimizer), 0) % (COLOURS - FEATURED.length));
}

/**
 * The start that charts, table and sentences show: the chosen one, or the last where there are fewer.
 * @param {{ starts?: unknown[], shownStart?: number }} view
 */
export function startShown({ starts = [], shownStart = 0 }) {
  return Math.max(Math.min(shownStart, starts.length - 1), 0);
}

/**
 * What is drawn of that start.
 * @param {{ starts?: unknown[], shownStart?: number, visible: Series[] }} state
 */
export function shownRuns(state) {
  const start = startShown(state);
  return state.visible.filter((run) => run.start === start);
}
