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

/** @param {Measured} run @param {Asked} request */
function alike({ task, config }, { task: wanted, settings = {}, batch_size: batch }) {
  const same = Object.entries(settings).every(([name, value]) => config?.settings?.[name] === value);
  return task === wanted && same && config?.batch_size === batch;
}

/** @param {number[]} values */
function middle(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return /** @type {number} */ (sorted[Math.floor(sorted.length / 2)]);
}
