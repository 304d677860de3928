// The bar below the picture, and the quiet line that tells of errors and lost connections.

import { startShown } from "../chart/series.mjs";
import { closing, make } from "../ui/dom.mjs";
import { fieldName, refusalText } from "../ui/names.mjs";
import { GLYPHS } from "./marks.mjs";

/**
 * How the picture is drawn: two or three dimensions, levels, arrows, and which start charts and table show.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 */
export function mountPictureBar(root, store) {
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
      ["log", "log"],
      ["linear", "linear"],
    ],
    (value) => store.set({ levels: value }),
  );
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
  const arrows = make(
    "details",
    { class: "menu arrows" },
    make("summary", {}, "Arrows"),
    make(
      "div",
      { class: "menu-items", role: "group", "aria-label": "Arrows at the step" },
      ...boxes.map((b) => b.label),
    ),
  );
  closing(arrows);
  const reset = make(
    "button",
    { type: "button", class: "reset-zoom", onclick: () => store.set({ box: null }) },
    "Reset zoom",
  );
  const starts = make("span", { class: "shown-start", role: "group", "aria-label": "Which start charts show" });
  root.append(dimensions.element, levels.element, arrows, reset, starts);

  let choices = 0;
  let shown = segmented("", [], () => {});
  function renderStarts() {
    const state = store.get();
    if (choices !== state.starts.length) {
      choices = state.starts.length;
      const numbers = Array.from({ length: choices }, (_, i) => /** @type {[string, string]} */ ([`${i}`, `${i + 1}`]));
      shown = segmented("Start that charts show", numbers, (value) => store.set({ shownStart: Number(value) }));
      starts.replaceChildren("charts show start", shown.element);
    }
    starts.hidden = choices < 2;
    shown.update(String(startShown(state)));
  }
  function render() {
    const state = store.get();
    dimensions.update(state.dimensions);
    levels.update(state.levels);
    for (const { name, box } of boxes) box.checked = state.glyphs.includes(name);
    reset.disabled = state.box === null; // it keeps its place: nothing moves under the pointer
    renderStarts();
  }
  store.on(["dimensions", "levels", "glyphs", "box", "starts", "shownStart"], render);
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
  /** @param {{ field: string, message: string, code?: string }} error */
  function told(error) {
    const name = fieldName(error.field, store.get(), catalogue);
    return [name, refusalText(error, catalogue)].filter(Boolean).join(": ");
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
