// Which columns of trajectories a page shows: it asks the server for no others.

/**
 * @typedef {import("./address.mjs").View} View
 * What stands on the page beside map and charts, and is in sight now.
 * @typedef {"equations" | "sentence"} Panel
 */

const MAP = ["x", "y", "loss"];
const PANELS = {
  sentence: ["loss", ...both("decay_taken")], // what findings of runs on a surface point at
  equations: ["gradient_part", "decay_part", "effective_lr"].flatMap(both), // the step that all rules share
};
// The columns of a quantity of the equations; `state:NAME` and `hyper:NAME` have the column that they name.
const QUANTITIES = new Map([
  ["param_norm", ["weight_norm"]],
  ["grad", both("grad")],
  ["effective_lr", both("effective_lr")],
  ["decay", both("decay_part")],
  ["direction", both("gradient_part")],
  ["schedule_factor", ["schedule_factor"]],
]);

/**
 * The names of all columns that this view shows, in order. An optimizer that has none of a name is not asked for it.
 * @param {Pick<View, "runners" | "charts" | "glyphs">} view
 * @param {Panel[]} panels
 * @param {any} catalogue
 * @param {boolean} atEnd  whether the cursor stands at the last step: of that one every answer tells the numbers
 * @returns {string[]}
 */
export function wantedColumns({ runners, charts, glyphs }, panels, catalogue, atEnd) {
  const declared = runners
    .map(({ optimizer }) => catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer))
    .filter(Boolean);
  const names = [
    ...MAP,
    ...panels.filter((panel) => !(atEnd && panel === "equations")).flatMap((panel) => PANELS[panel]),
    ...(atEnd ? [] : glyphs.flatMap((glyph) => both(glyph === "gradient" ? "grad" : glyph))),
    ...charts.flatMap((chart) => ofChart(chart, declared, catalogue)),
    ...(!atEnd && panels.includes("equations") ? declared.flatMap(ofEquations) : []),
  ];
  return [...new Set(names)].sort();
}

/**
 * Keeps in the store which panels are in sight.
 * @param {import("./store.mjs").Store<any>} store
 * @param {Panel} panel
 * @param {boolean} visible
 */
export function showPanel(store, panel, visible) {
  const others = store.get().panels.filter((/** @type {Panel} */ each) => each !== panel);
  store.set({ panels: visible ? [...others, panel] : others }, false);
}

/** @param {import("./address.mjs").ChartView} view @param {any[]} optimizers @param {any} catalogue @returns {string[]} */
function ofChart({ id, choice }, optimizers, catalogue) {
  const chart = catalogue.charts.find((/** @type {any} */ c) => c.id === id);
  const states = optimizers.flatMap(({ state }) => state);
  const state = states.includes(choice) ? choice : (states[0] ?? "");
  return (chart?.figure.data ?? []).map((/** @type {any} */ trace) => trace.meta.y.replace("{state}", state));
}

/** What an optimizer's equations name, with the values before the step. @param {any} optimizer @returns {string[]} */
function ofEquations({ formula }) {
  const marks = formula.flatMap((/** @type {any} */ line) => [...line.mathml.matchAll(/data-quantity="([^"]+)"/g)]);
  return marks.flatMap((/** @type {RegExpMatchArray} */ [, quantity = ""]) => {
    const [kind = "", name = ""] = quantity.split(/:(.*)/s);
    if (kind === "state" || kind === "state_prev") return both(name);
    return kind === "hyper" ? [name] : (QUANTITIES.get(kind) ?? []);
  });
}

/** A column of each coordinate. @param {string} name */
function both(name) {
  return [`${name}_x`, `${name}_y`];
}
