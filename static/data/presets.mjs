// Experiments that the server has set up already: what pages open on, and what starts with one click.

import { OWN } from "./address.mjs";
import { makeRunner } from "./runner.mjs";

/**
 * @typedef {{ optimizer: string, hyper?: Record<string, any>, schedule?: any, decay_schedule?: any }} PresetRunner
 * `view`: by the names of the page's address; the rest is what a guided scene tells and asks.
 * @typedef {{ id: string, title: string, page: string, view: any, kept: boolean, sentences: string[], question: string,
 *   choices: string[], answer: number, because: string, adds: string, sketch: number[][], seconds: number }} Preset
 */

/**
 * The presets of a page; it opens on the first.
 * @param {any} catalogue
 * @param {"explore" | "compare" | "train"} page
 * @returns {Preset[]}
 */
export function presetsOf(catalogue, page) {
  return catalogue.experiments.filter((/** @type {Preset} */ preset) => preset.page === page);
}

/**
 * The preset that an address stands for: the one that it names; of an empty address the first; else the one that
 * addresses have always left things out against.
 * @param {any} catalogue
 * @param {"explore" | "compare"} page
 * @param {{ scene?: string }} query  as the address has it
 * @returns {Preset | undefined}
 */
export function sceneOf(catalogue, page, query) {
  const presets = presetsOf(catalogue, page);
  const named = presets.find(({ id }) => id === query.scene);
  return named ?? (Object.keys(query).length ? presets.find(({ kept }) => kept) : undefined) ?? presets[0];
}

/**
 * What Explore or Compare shows of a preset. What that leaves out is as its surface suggests.
 * @param {any} catalogue
 * @param {Preset | undefined} preset
 * @returns {import("./address.mjs").View}
 */
export function openingView(catalogue, preset) {
  const { runners, charts, ...view } = preset?.view ?? {};
  const surface = byId(catalogue.surfaces, view.surface) ?? catalogue.surfaces[0];
  return {
    params: {},
    formula: "",
    starts: [surface.starts[0]],
    shownStart: 0,
    steps: surface.demo.steps,
    noise: surface.demo.noise,
    clip: 0,
    seed: 0,
    solo: 0,
    step: -1,
    box: null,
    dimensions: "2d",
    levels: "log",
    glyphs: ["gradient_part", "decay_part"],
    range: null,
    goal: null,
    controls: true,
    scene: "",
    guide: false,
    ...view,
    surface: view.surface === OWN ? OWN : surface.id,
    runners: (runners ?? []).map(runnerOf),
    charts: charts
      ? chartViews(charts.map((/** @type {string} */ id) => byId(catalogue.charts, id)))
      : openingCharts(catalogue, "surface"),
  };
}

/** A runner as a preset, or a request, tells of it. @param {PresetRunner} told */
export function runnerOf({ optimizer, hyper = {}, schedule = null, decay_schedule: decaySchedule = null }) {
  return makeRunner(optimizer, structuredClone({ hyper, schedule, decaySchedule }));
}

/**
 * The charts that are open before anybody has chosen any.
 * @param {any} catalogue
 * @param {string} about  "surface" or "run"
 * @returns {import("./address.mjs").ChartView[]}
 */
export function openingCharts(catalogue, about) {
  return chartViews(catalogue.charts.filter((/** @type {any} */ chart) => chart.about === about && chart.opening));
}

/** Charts as they are declared to be seen at first; those that are not there are left out. @param {any[]} charts */
export function chartViews(charts) {
  return charts.filter(Boolean).map((chart) => ({ id: chart.id, log: chart.log_y, choice: "" }));
}

/**
 * The settings with which an optimizer shows something on a surface: the optimizer's own for
 * pictures, and the surface's learning rate for its kind of step.
 * @param {any} catalogue
 * @param {any} surface  undefined for one's own formula
 * @param {string} optimizer
 * @returns {Record<string, any>}
 */
export function settingsFor(catalogue, surface, optimizer) {
  const declared = byId(catalogue.optimizers, optimizer);
  if (!declared) return {};
  const rates = surface?.demo ?? { lr_gradient: 0.01, lr_adaptive: 0.1 };
  const lr = declared.step_size === "gradient" ? rates.lr_gradient : rates.lr_adaptive;
  return { lr, ...declared.demo };
}

/** @param {any[]} declared @param {string} id */
function byId(declared, id) {
  return declared.find((each) => each.id === id);
}
