// Quiet words about the connection, runs that are not there and the step that is held; the smoothing of noisy lines.

import { isTyping, make } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";
import { isOver } from "./controls.mjs";
import { absenceOf } from "./queue.mjs";

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountRunStatus(root, store) {
  function render() {
    const { connected, error, missing, runs } = store.get();
    const running = runs.some((/** @type {any} */ info) => !isOver(info));
    const messages = [
      error && [error.message, error.hint].filter(Boolean).join(" "),
      !connected && running && "The connection is lost. It is tried again by itself, and nothing is missed.",
      runs.every((/** @type {any} */ info) => absenceOf(info)) && runs.length > 0 && absenceOf(runs[0]),
    ];
    root.replaceChildren(
      [absence(missing), messages.find(Boolean)].filter(Boolean).join(" "),
      ...(missing.length && !runs.length ? [" ", make("a", { href: "/runs" }, "See all runs")] : []),
    );
    root.hidden = !root.textContent;
  }
  store.on(["connected", "error", "missing", "runs"], render);
  render();
}

/** Which runs are not there. @param {string[]} missing */
function absence(missing) {
  if (!missing.length) return "";
  return `There is no run ${missing.join(" or ")} here: deleted, or a mistake in the address.`;
}

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountSmoothing(root, store) {
  const range = make("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: store.get().smoothing });
  range.addEventListener("input", () => store.set({ smoothing: Number(range.value) }, false));
  range.addEventListener("change", () => store.set({ smoothing: Number(range.value) }));
  range.addEventListener("dblclick", () => {
    range.value = "0";
    store.set({ smoothing: 0 });
  });
  root.append(make("label", {}, "Smoothing", range));
}

/** Which step a click on a chart has set the numbers to, and the way back. `store` needs `step` (−1: the newest). @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountHeldStep(root, store) {
  const button = make("button", { type: "button", title: "Back to the newest step (Escape)", onclick: release });
  root.append(button);

  function release() {
    store.set({ step: -1, hover: null });
  }

  function render() {
    const { step } = store.get();
    button.hidden = step < 0;
    button.textContent = `Numbers at step ${count(step)} ×`;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !isTyping(event) && store.get().step >= 0) release();
  });
  store.on(["step"], render);
  render();
}
