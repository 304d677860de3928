// What runners and settings are called where they are told of.

import { flatten } from "../data/settings.mjs";
import { number } from "./format.mjs";

/**
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/runner.mjs").Runner} Runner
 */

const LETTERS = /** @type {Record<string, string>} */ ({
  lr: "η",
  weight_decay: "λ",
  beta1: "β₁",
  beta2: "β₂",
  warmup_steps: "warm-up",
});

/**
 * What a runner alone of these has, or has otherwise, in a word or two: "λ 0.3", "warm-up 50", "cosine". Empty where
 * nothing tells it from the others, or more than one would need it.
 * @param {Pick<Runner, "hyper" | "schedule" | "decaySchedule">} runner
 * @param {Pick<Runner, "hyper" | "schedule" | "decaySchedule">[]} others
 */
export function ownWord(runner, others) {
  const told = (/** @type {typeof runner} */ { hyper, schedule, decaySchedule }) =>
    flatten({ hyper, schedule, decay_schedule: decaySchedule });
  const rest = others.map(told);
  const [path = "", value] =
    Object.entries(told(runner)).find(([name, own]) => (own ?? null) !== null && rest.some((o) => o[name] !== own)) ??
    [];
  if (!path) return "";
  const shown = typeof value === "number" ? number(value) : String(value).replaceAll("_", " ");
  if (path.endsWith(".id")) return shown;
  const name = path.split(".").at(-1) ?? "";
  return `${LETTERS[name] ?? name.replaceAll("_", " ")} ${shown}`;
}

/**
 * A runner's name; those of one optimizer are told apart by what differs, or counted.
 * @param {number} index
 * @param {Runner[]} runners
 * @param {any} catalogue
 * @returns {string}
 */
export function runnerName(index, runners, catalogue) {
  const runner = /** @type {Runner} */ (runners[index]);
  const same = runners.filter((other) => other.optimizer === runner.optimizer);
  const title = titled(catalogue.optimizers, runner.optimizer)?.title ?? runner.optimizer;
  if (same.length < 2) return title;
  const words = same.map((one) =>
    ownWord(
      one,
      same.filter((other) => other !== one),
    ),
  );
  const own = words[same.indexOf(runner)] ?? "";
  const plain = words.filter((word) => !word).length < 2; // the one that has nothing of its own
  const clear = words.filter((word) => word === own).length === 1 && plain;
  return clear ? [title, own].filter(Boolean).join(" ") : `${title} ${same.indexOf(runner) + 1}`;
}

/** What a training run is called, also where nobody gave it a name. @param {{ id: string, name?: string, optimizer?: string, task?: string }} run */
export function runName({ id, name = "", optimizer, task }) {
  return plainName(name) || plainName([optimizer, task].filter(Boolean).join(" on ")) || id;
}

/** Without signs that would turn around the text beside it: names are anybody's. @param {string} [name] */
export function plainName(name = "") {
  return name.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").trim();
}

/**
 * What runs are called side by side: by their optimizers where these differ, else by their names without the words
 * that all of them begin with: "AdamW, seed 1" and "AdamW, seed 2" are "seed 1" and "seed 2".
 * @param {any[]} runs
 * @param {any} catalogue
 * @returns {string[]}
 */
export function runLabels(runs, catalogue) {
  const titles = runs.map(({ optimizer }) => titled(catalogue.optimizers, optimizer)?.title ?? plainName(optimizer));
  const own = () => runs.map((run, i) => (run.kind === "trajectory" ? titles[i] : runName(run)));
  const names = new Set(titles).size === runs.length ? titles : withoutHead(own());
  return names.map((name, i) => (names.filter((other) => other === name).length > 1 ? `${name} ${i + 1}` : name));
}

/** @param {string[]} names */
function withoutHead(names) {
  const [first = ""] = names;
  const end = first.indexOf(", ");
  const head = end < 0 ? "" : first.slice(0, end + 2);
  return head && names.every((name) => name.startsWith(head)) ? names.map((name) => name.slice(head.length)) : names;
}

/**
 * What the path of a refused field stands for: "AdamW, learning rate η"; empty where there is no name for it.
 * @param {string} field
 * @param {View} view
 * @param {any} catalogue
 * @returns {string}
 */
export function fieldName(field, view, catalogue) {
  const [first = "", second = "", third = "", fourth = ""] = field.split(".");
  if (first === "surface") return titled(catalogue.surfaces, view.surface)?.params.properties[third]?.title ?? "";
  const runner = view.runners[Number(second)];
  if (first !== "runs" || !runner) return catalogue.simulation.properties[first]?.title ?? "";
  const schedule = third === "schedule" ? runner.schedule : third === "decay_schedule" ? runner.decaySchedule : null;
  const properties = schedule
    ? titled(catalogue.schedules, schedule.id)?.params.properties
    : titled(catalogue.optimizers, runner.optimizer)?.hyper.properties;
  const words = { schedule: "learning-rate schedule", decay_schedule: "decay schedule" }[third];
  const setting = properties?.[fourth]?.title;
  return [runnerName(Number(second), view.runners, catalogue), words, setting].filter(Boolean).join(", ");
}

/**
 * A refusal in words, with settings called as the page calls them: "decay strength λ" for `weight_decay`.
 * @param {{ code?: string, message: string }} error
 * @param {any} catalogue
 */
export function refusalText({ code, message }, catalogue) {
  if (code !== "unknown_setting") return message;
  const titles = Object.fromEntries(
    catalogue.optimizers.flatMap((/** @type {any} */ o) =>
      Object.entries(o.hyper.properties).map(([name, property]) => [name, /** @type {any} */ (property).title]),
    ),
  );
  return message.replace(/[a-z]\w*/g, (word) => (Object.hasOwn(titles, word) ? titles[word] : word));
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
