// The choice of a surface: a picture each, its parameters, or one's own formula.

import { OWN } from "../data/address.mjs";
import { errorsAt, form } from "../forms/form.mjs";
import { isEdited, make, math, watchEdits } from "../ui/dom.mjs";
import { colour, onThemeChange } from "../ui/theme.mjs";

const SIDE = 32; // px of a surface's small picture
const LEVELS = 5; // parts of it between level lines

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {(id: string) => void} choose  what choosing a surface does to the view
 * @param {() => Record<string, any>} opening  the parameters with which the surface opened, where not its defaults
 */
export function mountSurfaces(root, store, catalogue, choose, opening) {
  const name = make("span", { class: "surface-name" });
  const thumb = make("canvas", { width: 32, height: 32, "aria-hidden": "true" });
  const grid = make("div", { class: "surface-grid", role: "radiogroup", "aria-label": "Surface" });
  const picker = make(
    "details",
    { class: "picker" },
    make("summary", {}, make("span", { class: "visually-hidden" }, "Surface: "), thumb, name),
    grid,
  );
  const about = make("p", { class: "about" });
  const written = make("div", { class: "formula" });
  const formula = make("input", {
    type: "text",
    class: "own-formula",
    spellcheck: "false",
    autocomplete: "off",
    "aria-label": "Formula f(x, y)",
    "aria-describedby": "formula-error",
  });
  watchEdits(formula);
  const formulaError = make("p", { class: "field-error", id: "formula-error", hidden: true, role: "status" });
  const own = make(
    "div",
    { class: "own" },
    make("label", { class: "formula-label" }, "f(x, y) =", formula),
    formulaError,
    make("p", { class: "about" }, "x and y with + − * / ** and sin, cos, exp, log, sqrt, abs, tanh, min, max …"),
  );
  const params = make("div", { class: "params" });
  root.append(picker, own, written, params, about);

  const byId = new Map(catalogue.surfaces.map((/** @type {any} */ s) => [s.id, s]));
  const canvases = [{ canvas: thumb, id: () => store.get().surface }];
  for (const surface of catalogue.surfaces) {
    const canvas = make("canvas", { width: 32, height: 32, "aria-hidden": "true" });
    canvases.push({ canvas, id: () => surface.id });
    grid.append(option(surface.id, surface.title, surface.summary, canvas));
  }
  grid.append(
    option(OWN, "Own formula", "Type any f(x, y).", make("span", { class: "own-glyph", "aria-hidden": "true" }, "f")),
  );

  /** @param {string} id @param {string} title @param {string} summary @param {HTMLElement} image */
  function option(id, title, summary, image) {
    const radio = make("input", {
      type: "radio",
      name: "surface",
      value: id,
      onchange: () => choose(id),
    });
    return make(
      "label",
      {
        title: summary,
        onclick: (/** @type {MouseEvent} */ e) =>
          e.detail > 0 &&
          setTimeout(() => {
            picker.open = false;
          }),
      },
      radio,
      image,
      make("span", {}, title),
    );
  }
  picker.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && event.target instanceof HTMLInputElement)) {
      picker.open = false;
      picker.querySelector("summary")?.focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (picker.open && event.target instanceof Node && !picker.contains(event.target)) picker.open = false;
  });

  formula.addEventListener("input", () => store.set({ formula: formula.value, box: null }, false));
  formula.addEventListener("change", () => store.set({ formula: formula.value }));

  let shown = "";
  let shownFormula = "";
  /** @type {ReturnType<typeof form>} */
  let inputs = form({ properties: {} }, () => {});
  function render() {
    const state = store.get();
    const surface = byId.get(state.surface);
    if (shown !== state.surface) {
      shown = state.surface;
      inputs = form(
        surface?.params ?? { properties: {} },
        (key, value, committed) => store.set({ params: { ...store.get().params, [key]: value } }, committed),
        opening,
      );
      params.replaceChildren(...Object.values(inputs.elements));
      name.textContent = surface?.title ?? "Own formula";
      about.textContent = surface ? surface.summary : "";
      for (const radio of grid.querySelectorAll("input")) radio.checked = radio.value === state.surface;
      own.hidden = state.surface !== OWN;
      thumb.hidden = !surface;
      paint();
    }
    const drawn = state.result?.surface;
    const formulaNow = drawn && (drawn.id ?? OWN) === state.surface ? drawn.mathml : (surface?.mathml ?? "");
    if (formulaNow !== shownFormula) written.replaceChildren(...(formulaNow ? [math(formulaNow)] : []));
    shownFormula = formulaNow;
    inputs.update(state.params, errorsAt(state.error, "surface.params"));
    if (!isEdited(formula)) formula.value = state.formula;
    const problem = state.error?.field === "surface.formula" ? state.error : null;
    formulaError.hidden = !problem;
    formulaError.textContent = problem ? [problem.message, problem.hint].filter(Boolean).join(" ") : "";
    formula.setAttribute("aria-invalid", String(Boolean(problem)));
  }

  /** Every canvas in the colours of the picture itself, with a few level lines. */
  function paint() {
    const stops = [0, 1, 2, 3].map((i) => rgb(colour(`--height-${i}`)));
    const line = rgb(colour("--height-line"));
    for (const { canvas, id } of canvases) {
      const heights = byId.get(id())?.thumbnail;
      const context = canvas.getContext("2d");
      if (!context) continue;
      const image = context.createImageData(SIDE, SIDE);
      const at = (/** @type {number} */ row, /** @type {number} */ column) =>
        (heights?.[Math.min(row, SIDE - 1) * SIDE + Math.min(column, SIDE - 1)] ?? 255) / 255;
      const level = (/** @type {number} */ row, /** @type {number} */ column) => Math.floor(at(row, column) * LEVELS);
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const here = level(row, column);
          const edge = here !== level(row + 1, column) || here !== level(row, column + 1);
          image.data.set([...(edge ? line : mixed(stops, at(row, column))), 255], 4 * (row * SIDE + column));
        }
      }
      context.putImageData(image, 0, 0);
    }
  }

  store.on(["surface", "params", "formula", "error", "result"], render);
  onThemeChange(paint);
  render();
}

/** @param {string} text  rgb(1, 2, 3) */
function rgb(text) {
  return (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

/** The colour at a share of the way through the stops. @param {number[][]} stops @param {number} share */
function mixed(stops, share) {
  const at = share * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return [0, 1, 2].map((c) => (stops[low]?.[c] ?? 0) * (1 - at + low) + (stops[low + 1]?.[c] ?? 0) * (at - low));
}
