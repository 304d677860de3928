// The form of the Train page as requests: one for each optimizer, each perhaps with a field that varies.

import { ownWord } from "../ui/names.mjs";
import { problemOf } from "./controls.mjs";

/**
 * @typedef {import("./controls.mjs").Property} Property
 * @typedef {{ path: string, values: any[] }} Vary
 * @typedef {{ task: string, settings: Record<string, any>, run: Record<string, any>,
 *   runners: import("../data/runner.mjs").Runner[], vary: Vary }} Form
 * @typedef {{ path: string, group: string, property: Property }} Field
 */

/**
 * What the form asks for. `options` are the declared options of every run, by path.
 * @param {Form} form
 * @param {Record<string, Property>} options
 * @param {any} catalogue
 * @returns {Record<string, any>[]}
 */
export function requestsOf({ task, settings, run, runners, vary }, options, catalogue) {
  return runners.map((runner) => {
    /** @type {Record<string, any>} */
    const request = { task, settings, optimizer: runner.optimizer, hyper: runner.hyper };
    const name = ownName(runner, runners, catalogue);
    if (name) request.name = name;
    for (const [path, property] of Object.entries(options)) place(request, path, run[path] ?? property.default);
    if (runner.schedule) request.schedule = runner.schedule;
    if (runner.decaySchedule) request.decay_schedule = runner.decaySchedule;
    if (vary.values.length && has(runner.optimizer, vary.path, catalogue)) request.vary = { [vary.path]: vary.values };
    return request;
  });
}

/**
 * What a runner is called where others of its optimizer stand on the form: by what only it has, or has otherwise.
 * @param {import("../data/runner.mjs").Runner} runner
 * @param {import("../data/runner.mjs").Runner[]} runners
 * @param {any} catalogue
 */
function ownName(runner, runners, catalogue) {
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === runner.optimizer);
  const others = runners.filter((one) => one !== runner && one.optimizer === runner.optimizer);
  const word = others.length ? ownWord(runner, others) : "";
  return word ? `${declared?.title ?? runner.optimizer}, ${word}` : "";
}

/** How many runs these requests start. @param {Record<string, any>[]} requests */
export function countOf(requests) {
  return requests.reduce((sum, { vary }) => sum + (vary ? /** @type {any[]} */ (Object.values(vary)[0]).length : 1), 0);
}

/** Whether an optimizer has the field. @param {string} optimizer @param {string} path @param {any} catalogue */
function has(optimizer, path, catalogue) {
  const [parent, name] = path.split(".");
  if (parent !== "hyper") return Boolean(path);
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer);
  return Boolean(name && name in (declared?.hyper.properties ?? {}));
}

/** @param {Record<string, any>} target @param {string} path @param {any} value */
function place(target, path, value) {
  const [parent = "", name] = path.split(".");
  if (name) target[parent] = { ...target[parent], [name]: value };
  else target[parent] = value;
}

/**
 * Every field that can be varied on this form.
 * @param {Form} form
 * @param {Record<string, Property>} options
 * @param {any} catalogue
 * @returns {Field[]}
 */
export function fieldsOf({ task, runners }, options, catalogue) {
  const chosen = catalogue.optimizers.filter((/** @type {any} */ o) => runners.some((r) => r.optimizer === o.id));
  const hyper = Object.assign({}, ...chosen.map((/** @type {any} */ o) => o.hyper.properties));
  const declared = catalogue.tasks.find((/** @type {any} */ t) => t.id === task);
  const schedules = catalogue.schedules.map((/** @type {any} */ s) => [s.id, s.summary]);
  /** @type {Property} */
  const schedule = {
    type: "string",
    title: "learning-rate schedule",
    description: "",
    default: "constant",
    enum: schedules.map((/** @type {string[]} */ [id]) => id),
    "x-options": Object.fromEntries(schedules),
  };
  /** @param {string} group @param {string} prefix @param {Record<string, Property>} properties */
  const under = (group, prefix, properties) =>
    Object.entries(properties).map(([name, property]) => ({ path: `${prefix}${name}`, group, property }));
  return [
    ...under("Optimizer", "hyper.", hyper),
    ...under("Optimizer", "", { schedule }),
    ...under("Run", "", options),
    ...under("Task", "settings.", declared?.settings.properties ?? {}),
  ];
}

/**
 * What the form calls the field of a refusal, such as `0.hyper.lr`; empty where it has no such field.
 * @param {string} refused
 * @param {Field[]} fields
 */
export function titleOf(refused, fields) {
  const path = refused.replace(/^\d+\./, "").replace(/^vary\./, "");
  const found = fields.find((field) => path === field.path || path.startsWith(`${field.path}.`));
  return found?.property.title ?? "";
}

/** The value that the form has for a field now. @param {Form} form @param {Field} field */
export function currentOf({ settings, run, runners }, { path, property }) {
  const [parent = "", name = ""] = path.split(".");
  const found = { hyper: runners[0]?.hyper[name], settings: settings[name] }[parent] ?? run[path];
  return found ?? property.default;
}

/**
 * Values to begin with: around the current one, or the first few words.
 * @param {Property} property
 * @param {any} now
 * @returns {any[]}
 */
export function suggest(property, now) {
  if (property.type === "boolean") return [false, true];
  if (property.enum) return [now, ...property.enum.filter((word) => word !== now)].slice(0, 4);
  const [low, high] = property["x-slider"] ?? [property.minimum ?? 0, property.maximum ?? 1];
  const integer = property.type === "integer";
  const log = property["x-scale"] === "log";
  const values = !log
    ? integer
      ? [now, now + 1, now + 2]
      : [now, now < high ? (now + high) / 2 : (low + high) / 2]
    : now > 0
      ? [now / 3, now, now * 3]
      : [0, low, Math.sqrt(low * high)];
  const rounded = values.map((value) =>
    integer ? Math.round(value) : Number(value.toPrecision(value === now ? 6 : log ? 1 : 4)),
  );
  const [least, most] = [property.minimum ?? -Infinity, property.maximum ?? Infinity];
  const within = rounded.map((value) => Math.min(Math.max(value, least), most));
  return [...new Set(within)].filter((value) => !problemOf(property, value));
}

/**
 * The numbers in a text such as "0.001, 0.01"; null if one of them is none.
 * @param {string} text
 */
export function numbersIn(text) {
  const words = text
    .replaceAll("−", "-")
    .split(/[\s,;]+/)
    .filter(Boolean);
  const values = words.map(Number);
  return values.every(Number.isFinite) ? [...new Set(values)] : null;
}
