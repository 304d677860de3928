// The starting points as numbers: what a click on the surface sets can be typed too.

import { isEdited, make, watchEdits } from "../ui/dom.mjs";
import { noNumber, plain, typedNumber } from "../ui/format.mjs";

/** @typedef {import("../data/address.mjs").Point} Point */

const FURTHEST = 1e9; // from the origin, as the server has it

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 */
export function mountStarts(root, store) {
  const list = make("div", { class: "starts" });
  const problem = make("p", { class: "field-error", role: "status", hidden: true });
  const add = make("button", { type: "button", class: "plain", onclick: addStart }, "Add a start");
  root.append(make("div", { role: "group", "aria-label": "Starting points" }, list, problem, add));
  /** @type {ReturnType<typeof makeRow>[]} */
  const rows = [];

  /** A start beside the last one, to be moved from there. */
  function addStart() {
    const { starts } = store.get();
    store.set({ starts: [...starts, starts.at(-1)] });
    rows.at(-1)?.boxes[0]?.focus();
  }

  /** @param {number} index */
  function makeRow(index) {
    const boxes = ["x", "y"].map((axis, at) => {
      const box = make("input", { type: "text", inputmode: "decimal", class: "number", autocomplete: "off" });
      box.setAttribute("aria-label", `Start ${index + 1}, ${axis}`);
      watchEdits(box);
      box.addEventListener("change", () => take(index, at, box));
      box.addEventListener("keydown", (event) => {
        if (event.key === "Escape") render();
      });
      return box;
    });
    const remove = make("button", { type: "button", class: "plain", title: "Remove this start" }, "×");
    remove.setAttribute("aria-label", `Remove start ${index + 1}`);
    remove.addEventListener("click", () => {
      store.set({
        starts: store.get().starts.filter((/** @type {Point} */ _, /** @type {number} */ i) => i !== index),
      });
    });
    const name = make("span", {}, index ? `start ${index + 1}, x and y` : "start, x and y");
    return { element: make("div", { class: "start-row" }, name, ...boxes, remove), boxes, remove };
  }

  /** @param {number} index @param {number} axis @param {HTMLInputElement} box */
  function take(index, axis, box) {
    const value = typedNumber(box.value);
    const far = value !== null && Math.abs(value) > FURTHEST;
    problem.textContent = value === null ? noNumber(box.value) : far ? "Allowed is −10⁹ to 10⁹." : "";
    problem.hidden = !problem.textContent;
    box.setAttribute("aria-invalid", String(!problem.hidden));
    if (value === null || far) return;
    const changed = (/** @type {Point} */ start) => start.map((old, i) => (i === axis ? value : old));
    store.set({
      starts: store
        .get()
        .starts.map((/** @type {Point} */ s, /** @type {number} */ i) => (i === index ? changed(s) : s)),
    });
  }

  function render() {
    const { starts } = store.get();
    while (rows.length > starts.length) rows.pop()?.element.remove();
    while (rows.length < starts.length) {
      rows.push(makeRow(rows.length));
      list.append(/** @type {HTMLElement} */ (rows.at(-1)?.element));
    }
    problem.hidden = true;
    rows.forEach(({ boxes, remove }, i) => {
      boxes.forEach((box, axis) => {
        if (document.activeElement === box && isEdited(box)) return;
        box.value = plain(starts[i][axis]);
        box.removeAttribute("aria-invalid");
      });
      remove.hidden = starts.length < 2;
    });
  }
  store.on(["starts"], render);
  render();
}
