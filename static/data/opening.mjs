// What a surface brings with it, and how an address says it: a link that names a surface and no runner opens on
// that surface's own start, steps, noise and learning rates.

import { OWN, readQuery, viewOf, writeQuery } from "./address.mjs";
import { settingsFor } from "./presets.mjs";
import { makeRunner, runnerText } from "./runner.mjs";

/** @typedef {import("./address.mjs").View} View */

/**
 * What choosing a surface does to the view: it brings its start, steps, noise and learning rates.
 * @param {Pick<View, "runners">} view
 * @param {any} catalogue
 * @param {string} id
 * @returns {Partial<View>}
 */
export function onSurface(view, catalogue, id) {
  const surface = catalogue.surfaces.find((/** @type {any} */ s) => s.id === id);
  const common = { surface: id, params: {}, box: null, step: -1, range: null };
  if (!surface) return common; // one's own formula: what suits it comes with its first answer
  return {
    ...common,
    runners: withRates(view.runners, catalogue, surface.demo),
    starts: [surface.starts[0]],
    shownStart: 0,
    steps: surface.demo.steps,
    noise: surface.demo.noise,
  };
}

/**
 * Runners with the learning rates that suit a surface.
 * @param {View["runners"]} runners
 * @param {any} catalogue
 * @param {{ lr_gradient: number, lr_adaptive: number }} rates
 */
export function withRates(runners, catalogue, rates) {
  return runners.map((runner) => ({
    ...runner,
    hyper: { ...runner.hyper, ...settingsFor(catalogue, { demo: rates }, runner.optimizer) },
  }));
}

/**
 * How a page's address is read and written.
 * @param {"explore" | "compare"} page
 * @param {View} defaults  the view of the bare address
 * @param {any} catalogue
 * @param {string} [scene]  the preset that the address is told against, where it has to name it
 */
export function pageAddress(page, defaults, catalogue, scene = "") {
  /** @param {string} id @returns {View} */
  const opening = (id) => (id === defaults.surface ? defaults : { ...defaults, ...onSurface(defaults, catalogue, id) });
  const said = (/** @type {View} */ { runners }) => runners.map(runnerText).join("&");
  return {
    /** @param {string} search @returns {View} */
    read(search) {
      const { surface = defaults.surface, runners } = readQuery(page, search);
      const base = runners ? defaults : { ...opening(surface), surface: defaults.surface };
      return { ...viewOf(page, base, search), scene };
    },
    /** @param {View} view */
    write(view) {
      const base = opening(view.surface);
      if (view.surface === defaults.surface || (view.surface !== OWN && said(view) === said(base)))
        return writeQuery(page, view, { ...base, surface: defaults.surface });
      // Runners that are not as the surface suggests are written whatever they are, and the rest as on the bare address.
      return writeQuery(page, view, { ...defaults, runners: [makeRunner("")] });
    },
    /** Whether an address names a surface and leaves it to that how runners step. @param {string} search */
    isBare(search) {
      const { surface, runners } = readQuery(page, search);
      return Boolean(surface) && !runners;
    },
  };
}
