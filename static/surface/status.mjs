// The bar below the picture, and the quiet line that tells of errors and lost connections.

import { make } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { fieldName } from "../ui/names.mjs";
import { GLYPHS } from "./marks.mjs";

/**
 * How the picture is drawn: two or three dimensions, levels, arrows.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {HTMLElement} scene  tells by "magnified" how much the parts are enlarged
 */
export function mountPictureBar(root, store, scene) {
  const dimensions = segmented(
    "View",
    [
      ["2d", "2-D"],
      ["3d", "3-D"],
    ],
    (value) => store.set({ dimensions: value }),
  );
  const levels = segmented(
    "Levels",
    [
      ["log", "log levels"],
      ["linear", "linear"],
    ],
    (value) => store.set({ levels: value }),
  );
  const magnified = make("span", { class: "magnified" });
  const boxes = GLYPHS.map(({ name, label }) => {
    const box = make("input", {
      type: "checkbox",
      value: name,
      onchange: () => {
        const chosen = new Set(store.get().glyphs);
        if (box.checked) chosen.add(name);
        else chosen.delete(name);
        store.set({ glyphs: GLYPHS.map((g) => g.name).filter((g) => chosen.has(g)) });
      },
    });
    return { name, box, label: make("label", {}, box, label) };
  });
  const reset = make("button", { type: "button", onclick: () => store.set({ box: null }) }, "Reset zoom");
  root.append(
    dimensions.element,
    levels.element,
    make(
      "span",
      { class: "glyphs", role: "group", "aria-label": "Arrows at the step" },
      ...boxes.map((b) => b.label),
      magnified,
    ),
    reset,
  );
  scene.addEventListener("magnified", (event) => {
    const factor = /** @type {CustomEvent<number | null>} */ (event).detail;
    magnified.textContent = factor ? `parts ×${number(factor, 2)}` : "";
  });
  const several = make("span", { class: "magnified" });
  root.append(several);
  function render() {
    const state = store.get();
    several.textContent = state.starts.length > 1 ? "charts show start 1" : "";
    dimensions.update(state.dimensions);
    levels.update(state.levels);
    for (const { name, box } of boxes) box.checked = state.glyphs.includes(name);
    reset.hidden = state.box === null;
  }
  store.on(["dimensions", "levels", "glyphs", "box", "starts"], render);
  render();
}

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store @param {any} catalogue */
export function mountStatus(root, store, catalogue) {
  /** @type {any} */
  let overtaken = null; // an error whose field has another message by now
  function render() {
    const { offline, error, runners, result } = store.get();
    const messages = [
      offline && "The server does not answer. What you see is the last good picture; the next change asks again.",
      error &&
        error !== overtaken &&
        [told(error), error.hint, result && "The picture shows the last good run."].filter(Boolean).join(" "),
      !runners.length && "No runners: add an optimizer to see it walk.",
    ];
    root.textContent = messages.find(Boolean) || "";
    root.hidden = !root.textContent;
  }
  /** @param {{ field: string, message: string }} error */
  function told({ field, message }) {
    return [fieldName(field, store.get(), catalogue), message].filter(Boolean).join(": ");
  }
  document.addEventListener("overtaken", () => {
    overtaken = store.get().error;
    render();
  });
  store.on(["offline", "error", "runners"], render);
  render();
}

let groups = 0;

/**
 * A choice between a few words, all visible.
 * @param {string} title
 * @param {[string, string][]} options
 * @param {(value: string) => void} onChange
 */
function segmented(title, options, onChange) {
  groups += 1;
  const radios = options.map(([value, label]) => {
    const radio = make("input", { type: "radio", name: `segment-${groups}`, value, onchange: () => onChange(value) });
    return { radio, label: make("label", {}, radio, label) };
  });
  return {
    element: make(
      "span",
      { class: "segmented", role: "radiogroup", "aria-label": title },
      ...radios.map((r) => r.label),
    ),
    /** @param {string} value */
    update(value) {
      for (const { radio } of radios) radio.checked = radio.value === value;
    },
  };
}
