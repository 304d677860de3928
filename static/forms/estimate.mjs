// How long runs will take, from what this machine has measured of runs like them.

import { duration } from "../ui/format.mjs";

/**
 * @typedef {{ task?: string, status?: string, speed?: number | null, config?: any }} Measured  a run of the list
 * @typedef {Record<string, any>} Asked  a request that would start a run
 */

/**
 * The seconds that these runs take one after another; null where no run like one of them was measured.
 * @param {Asked[]} requests @param {Measured[]} measured
 */
export function secondsOf(requests, measured) {
  let sum = 0;
  for (const request of requests) {
    const speeds = measured
      .filter((run) => Number(run.speed) > 0 && alike(run, request))
      .map((run) => Number(run.speed));
    if (!speeds.length) return null;
    sum += (request.steps ?? 0) / middle(speeds);
  }
  return sum;
}

/**
 * What is said of it: measured here, or what it was elsewhere.
 * @param {Asked[]} requests @param {Measured[]} measured @param {number} [elsewhere]  seconds on two cores without a GPU
 */
export function timeText(requests, measured, elsewhere = 0) {
  const seconds = secondsOf(requests, measured);
  if (seconds !== null) return `about ${duration(seconds)} on this machine`;
  return elsewhere ? `about ${duration(elsewhere)} on two cores; not measured here yet` : "not measured here yet";
}

/**
 * Whether the run is of the same task and size, in the same portions, on the device that is asked for.
 * @param {Measured} run @param {Asked} request  with all settings of its task
 */
function alike({ task, config }, { task: wanted, settings = {}, batch_size: batch, device = "auto", precision }) {
  const known = config?.settings ?? {};
  const names = new Set([...Object.keys(settings), ...Object.keys(known)]);
  const same = [...names].every((name) => known[name] === settings[name]);
  const there = device === "auto" || config?.device === device;
  const exact = precision === undefined || config?.precision === undefined || config.precision === precision;
  return task === wanted && same && config?.batch_size === batch && there && exact;
}

/**
 * Requests with every setting of their task, as runs tell them.
 * @param {Asked[]} requests @param {any} catalogue
 */
export function complete(requests, catalogue) {
  return requests.map((request) => {
    const task = catalogue.tasks.find((/** @type {any} */ one) => one.id === request.task);
    const defaults = Object.entries(task?.settings.properties ?? {}).map(([name, property]) => [
      name,
      /** @type {any} */ (property).default,
    ]);
    return { ...request, settings: { ...Object.fromEntries(defaults), ...request.settings } };
  });
}

/** @param {number[]} values */
function middle(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return /** @type {number} */ (sorted[Math.floor(sorted.length / 2)]);
}
