// Which chart tells most of runs that differ in a setting: it stands first, and larger than the others.

import { differences } from "./verdict.mjs";

// By the setting that differs, the first that is found; paths as in a run's config.
const HEROES = [
  { path: /^optimizer$/, chart: "run_effective_decay" },
  { path: /^(schedule|decay_schedule)/, chart: "run_schedule" },
  { path: /./, chart: "run_loss" },
];

/**
 * The id of that chart, of those that are shown; the loss where nothing differs.
 * @param {Record<string, any>[]} configs @param {string[]} shown
 */
export function heroOf(configs, shown) {
  const names = differences(configs).map(({ name }) => name);
  const found = HEROES.filter(({ path }) => names.some((name) => path.test(name))).map(({ chart }) => chart);
  return [...found, "run_loss"].find((id) => shown.includes(id)) ?? "";
}
