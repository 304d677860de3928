// Fields that stand in a runner's card: its optimizer, its schedules, its colour and line.

import { COLOURS, DASHES } from "../chart/series.mjs";
import { make } from "../ui/dom.mjs";
import { count, number } from "../ui/format.mjs";
import { form } from "./form.mjs";

/**
 * All optimizers, by family.
 * @param {any} catalogue
 * @param {string} label
 * @param {string} [placeholder]  what stands there while none is chosen
 */
export function optimizerSelect(catalogue, label, placeholder) {
  const families = Map.groupBy(catalogue.optimizers, (/** @type {any} */ o) => o.family);
  return make(
    "select",
    { class: "optimizer", "aria-label": label },
    placeholder && make("option", { value: "" }, placeholder),
    ...[...families].map(([family, members]) =>
      make(
        "optgroup",
        { label: family },
        ...members.map((/** @type {any} */ o) => make("option", { value: o.id, title: o.summary }, o.title)),
      ),
    ),
  );
}

/**
 * A schedule's choice and, below it, that schedule's own settings.
 * @param {any} catalogue
 * @param {string} title
 * @param {import("../data/runner.mjs").Schedule | null} chosen
 * @param {(change: (before: import("../data/runner.mjs").Schedule | null) => any, committed?: boolean) => void} change
 */
export function scheduleField(catalogue, title, chosen, change) {
  const declared = catalogue.schedules.find((/** @type {any} */ s) => s.id === chosen?.id);
  const select = make(
    "select",
    { "aria-label": title },
    make("option", { value: "" }, "none (constant)"),
    ...catalogue.schedules
      .filter((/** @type {any} */ s) => s.id !== "constant" || Object.keys(s.params.properties).length)
      .map((/** @type {any} */ s) => make("option", { value: s.id, title: s.summary }, s.title)),
  );
  select.value = chosen?.id ?? "";
  select.addEventListener("change", () => change(() => (select.value ? { id: select.value } : null)));
  const inputs = form(declared?.params ?? { properties: {} }, (name, value, committed) =>
    change((before) => before && { ...before, [name]: value }, committed),
  );
  const element = make(
    "div",
    { class: "schedule" },
    make("div", { class: "control choice" }, make("label", {}, title, select)),
    ...Object.values(inputs.elements),
  );
  return {
    element,
    /** @param {import("../data/runner.mjs").Schedule | null} schedule @param {Record<string, any>} errors */
    update: (schedule, errors) => inputs.update(schedule ?? {}, errors),
  };
}

/**
 * The colour and the line with which a runner is drawn.
 * @param {number} key
 * @param {(chosen: { colour?: number, dash?: number }) => void} choose
 */
export function styleField(key, choose) {
  const colours = Array.from({ length: COLOURS }, (_, slot) =>
    radio(key, `colour-${slot}`, `Colour ${slot + 1}`, () => choose({ colour: slot }), {
      style: `--colour: var(--series-${slot})`,
      class: "colour",
    }),
  );
  const dashes = DASHES.map((dash, i) =>
    radio(key, `dash-${i}`, dash.name, () => choose({ dash: i }), { class: "dash", "data-dash": dash.name }),
  );
  const element = make(
    "div",
    { class: "appearance" },
    make("fieldset", {}, make("legend", {}, "Colour"), ...colours),
    make("fieldset", {}, make("legend", {}, "Line"), ...dashes),
  );
  return {
    element,
    /** @param {import("../chart/series.mjs").Style} style */
    update(style) {
      for (const input of element.querySelectorAll("input")) {
        const [kind, value] = input.value.split("-");
        input.checked = Number(value) === (kind === "colour" ? style.slot : style.dash);
      }
    },
  };
}

/** Over how many steps decoupled decay averages. @param {any} about  of a trajectory */
export function averagingTime({ averaging_time: steps, hyper }) {
  const of = hyper.penalty === "full" ? "1/(2ηλ)" : "1/(ηλ)";
  const byRate = Math.abs(steps * hyper.lr * hyper.weight_decay * (hyper.penalty === "full" ? 2 : 1) - 1) < 1e-6;
  const shown = steps < 10 ? number(steps, 2) : count(Math.round(steps));
  return `τ = ${byRate ? of : "1/λ"} = ${shown} ${shown === "1" ? "step" : "steps"}`;
}

/**
 * @param {number} key
 * @param {string} value
 * @param {string} label
 * @param {() => void} onchange
 * @param {Record<string, string>} attributes
 */
function radio(key, value, label, onchange, attributes) {
  const group = value.split("-")[0];
  return make(
    "label",
    { ...attributes, title: label },
    make("input", { type: "radio", name: `${group}-${key}`, value, "aria-label": label, onchange }),
  );
}
