// The scene that a page opens on: four optimizers part on a rotated bowl.

import { makeRunner } from "./runner.mjs";

const SURFACE = "rotated_bowl";
const COMPARED = "bowl";

/**
 * The settings with which an optimizer shows something on a surface: the optimizer's own for
 * pictures, and the surface's learning rate for its kind of step.
 * @param {any} catalogue
 * @param {any} surface  undefined for one's own formula
 * @param {string} optimizer
 * @returns {Record<string, any>}
 */
export function settingsFor(catalogue, surface, optimizer) {
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer);
  if (!declared) return {};
  const rates = surface?.demo ?? { lr_gradient: 0.01, lr_adaptive: 0.1 };
  const lr = declared.step_size === "gradient" ? rates.lr_gradient : rates.lr_adaptive;
  return { lr, ...declared.demo };
}

/**
 * The scene that Compare opens on: the same η and λ for three conventions of decay.
 * @param {any} catalogue
 * @returns {import("./address.mjs").View}
 */
export function compareView(catalogue) {
  const view = openingView(catalogue);
  const settings = { lr: 0.05, weight_decay: 0.05 };
  return {
    ...view,
    surface: COMPARED,
    params: { condition: 30, offset_x: 2, offset_y: 1.2 },
    starts: [[-2, 3.5]],
    steps: 400,
    runners: ["adam_l2", "adamw", "adamw_lh"].map((id) => makeRunner(id, { hyper: { ...settings } })),
    charts: ["apart", "effective_lr", "parts", "decay_rate", "loss"]
      .map((id) => catalogue.charts.find((/** @type {any} */ c) => c.id === id))
      .filter(Boolean)
      .map((/** @type {any} */ chart) => ({ id: chart.id, log: chart.log_y, choice: "" })),
  };
}

/**
 * @param {any} catalogue
 * @returns {import("./address.mjs").View}
 */
export function openingView(catalogue) {
  const surface = catalogue.surfaces.find((/** @type {any} */ s) => s.id === SURFACE) ?? catalogue.surfaces[0];
  const lambda = 0.1;
  const rate = surface.demo.lr_adaptive;
  const runners = [
    makeRunner("sgd_l2", { hyper: { ...settingsFor(catalogue, surface, "sgd_l2"), weight_decay: lambda } }),
    makeRunner("adam_l2", { hyper: { ...settingsFor(catalogue, surface, "adam_l2"), weight_decay: lambda } }),
    makeRunner("adamw", { hyper: { ...settingsFor(catalogue, surface, "adamw"), weight_decay: lambda } }),
    // AdamW-LH does not multiply λ by η, so its λ is smaller; this one pulls four times as hard as AdamW's.
    makeRunner("adamw_lh", {
      hyper: {
        ...settingsFor(catalogue, surface, "adamw_lh"),
        weight_decay: Number((4 * rate * lambda).toPrecision(3)),
      },
    }),
  ];
  return {
    surface: surface.id,
    formula: "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
    params: {},
    starts: [surface.starts[0]],
    steps: surface.demo.steps,
    noise: surface.demo.noise,
    seed: 0,
    runners,
    solo: 0,
    step: -1,
    box: null,
    dimensions: "2d",
    levels: "log",
    glyphs: ["gradient_part", "decay_part"],
    charts: openingCharts(catalogue, "surface"),
    range: null,
    goal: null,
    controls: true,
  };
}

/**
 * The charts that are open before anybody has chosen any.
 * @param {any} catalogue
 * @param {string} about  "surface" or "run"
 * @returns {import("./address.mjs").ChartView[]}
 */
export function openingCharts(catalogue, about) {
  return catalogue.charts
    .filter((/** @type {any} */ chart) => chart.about === about && chart.opening)
    .map((/** @type {any} */ chart) => ({ id: chart.id, log: chart.log_y, choice: "" }));
}
