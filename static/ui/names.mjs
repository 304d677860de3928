// What runners and settings are called where they are told of.

import { runProperties } from "../forms/run-properties.mjs";

/**
 * A runner's name; those of one optimizer are counted.
 * @param {number} index
 * @param {import("../data/address.mjs").Runner[]} runners
 * @param {any} catalogue
 * @returns {string}
 */
export function runnerName(index, runners, catalogue) {
  const runner = /** @type {import("../data/address.mjs").Runner} */ (runners[index]);
  const same = runners.filter((other) => other.optimizer === runner.optimizer);
  const title = titled(catalogue.optimizers, runner.optimizer)?.title ?? runner.optimizer;
  return same.length > 1 ? `${title} ${same.indexOf(runner) + 1}` : title;
}

/**
 * What the path of a refused field stands for: "AdamW, learning rate η"; empty where there is no name for it.
 * @param {string} field
 * @param {import("../data/address.mjs").View} view
 * @param {any} catalogue
 * @returns {string}
 */
export function fieldName(field, view, catalogue) {
  const [first = "", second = "", third = "", fourth = ""] = field.split(".");
  if (first === "surface") return titled(catalogue.surfaces, view.surface)?.params.properties[third]?.title ?? "";
  const runner = view.runners[Number(second)];
  if (first !== "runs" || !runner) return runProperties(catalogue)[first]?.title ?? "";
  const plan = third === "schedule" ? runner.schedule : third === "decay_schedule" ? runner.decaySchedule : null;
  const properties = plan
    ? titled(catalogue.schedules, plan.id)?.params.properties
    : titled(catalogue.optimizers, runner.optimizer)?.hyper.properties;
  const words = { schedule: "learning-rate schedule", decay_schedule: "decay schedule" }[third];
  const setting = properties?.[fourth]?.title;
  return [runnerName(Number(second), view.runners, catalogue), words, setting].filter(Boolean).join(", ");
}

/**
 * What a setting of a training run is called on the form: "width" for `settings.hidden`.
 * @param {string} path
 * @param {{ task?: string, optimizer?: string }} run
 * @param {any} catalogue
 * @returns {string}
 */
export function settingName(path, { task, optimizer }, catalogue) {
  const [group, name = ""] = path.split(".");
  const own = {
    hyper: titled(catalogue.optimizers, optimizer)?.hyper.properties[name],
    settings: titled(catalogue.tasks, task)?.settings.properties[name],
  }[String(group)];
  const declared = own ?? catalogue.training.properties[path];
  return declared?.title ?? path.replace(/^(hyper|settings)\./, "").replaceAll(/[_.]/g, " ");
}

/** @param {any[]} declared @param {string | undefined} id */
function titled(declared, id) {
  return declared.find((each) => each.id === id);
}
