// A runner: an optimizer with its settings, as Explore, Compare and Train have it, and as an address writes it.

/**
 * A schedule with its settings.
 * @typedef {{ id: string, [setting: string]: any }} Schedule
 * `hyper` and the schedules hold only what differs from the defaults; `colour` and `dash` are −1 where none was chosen.
 * @typedef {{
 *   key: number,
 *   optimizer: string,
 *   hyper: Record<string, any>,
 *   schedule: Schedule | null,
 *   decaySchedule: Schedule | null,
 *   colour: number,
 *   dash: number,
 *   hidden: boolean,
 * }} Runner
 */

let lastKey = 0;

/**
 * @param {string} optimizer
 * @param {Partial<Runner>} [rest]
 * @returns {Runner}
 */
export function makeRunner(optimizer, rest = {}) {
  lastKey += 1;
  return {
    optimizer,
    hyper: {},
    schedule: null,
    decaySchedule: null,
    colour: -1,
    dash: -1,
    hidden: false,
    ...rest,
    key: lastKey,
  };
}

/**
 * The settings of a runner whose optimizer is changed. What was chosen by hand goes along; what was suggested to the
 * former one, or was its default, is as it is suggested to the new one. A learning rate goes along only between
 * optimizers whose steps are of one kind.
 * @param {Record<string, any>} hyper
 * @param {any} from  an optimizer of the catalogue, with what is `suggested` to it
 * @param {any} to  likewise
 * @returns {Record<string, any>}
 */
export function carriedOver(hyper, from, to) {
  const settings = (/** @type {any} */ optimizer) => optimizer.hyper?.properties ?? {}; // none if an old link names it
  const chosen = Object.entries(hyper).filter(
    ([name, value]) =>
      name in settings(to) &&
      value !== (from.suggested[name] ?? settings(from)[name]?.default) &&
      (name !== "lr" || from.step_size === to.step_size),
  );
  return { ...to.suggested, ...Object.fromEntries(chosen) };
}

/** @param {Runner} runner  adamw,lr:0.1,weight_decay:0.2,schedule.id:cosine,dash:2 */
export function runnerText(runner) {
  const parts = { ...runner.hyper };
  for (const [prefix, chosen] of Object.entries({ schedule: runner.schedule, decay_schedule: runner.decaySchedule })) {
    for (const [name, value] of Object.entries(chosen ?? {})) parts[`${prefix}.${name}`] = value;
  }
  if (runner.colour >= 0) parts.colour = runner.colour;
  if (runner.dash >= 0) parts.dash = runner.dash;
  if (runner.hidden) parts.hidden = true;
  return [runner.optimizer, settingsText(parts)].filter(Boolean).join(",");
}

/**
 * @param {string} written
 * @returns {Runner}
 */
export function readRunner(written) {
  const comma = written.indexOf(",");
  const optimizer = comma < 0 ? written : written.slice(0, comma);
  const { colour = -1, dash = -1, hidden = false, ...rest } = comma < 0 ? {} : readSettings(written.slice(comma + 1));
  /** @type {Record<string, any>} */
  const hyper = {};
  /** @type {Record<string, any>} */
  const schedules = { schedule: {}, decay_schedule: {} };
  for (const [name, value] of Object.entries(rest)) {
    const [prefix, setting] = name.split(".");
    if (setting && prefix && prefix in schedules) schedules[prefix][setting] = value;
    else hyper[name] = value;
  }
  return makeRunner(optimizer, {
    hyper,
    colour,
    dash,
    hidden,
    schedule: schedules.schedule.id ? schedules.schedule : null,
    decaySchedule: schedules.decay_schedule.id ? schedules.decay_schedule : null,
  });
}

/** @param {Record<string, any>} settings */
export function settingsText(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name}:${value}`)
    .join(",");
}

/**
 * @param {string} written
 * @returns {Record<string, any>}
 */
export function readSettings(written) {
  const pairs = written.split(",").filter((pair) => pair.includes(":"));
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", value = ""] = pair.split(/:(.*)/s);
      if (value === "true" || value === "false") return [name, value === "true"];
      return [name, value !== "" && Number.isFinite(Number(value)) ? Number(value) : value];
    }),
  );
}
