// Quiet words about the connection and runs that are not there, and the smoothing of noisy lines.

import { make } from "../ui/dom.mjs";
import { isOver } from "./controls.mjs";

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountRunStatus(root, store) {
  function render() {
    const { connected, error, missing, runs } = store.get();
    const running = runs.some((/** @type {any} */ info) => !isOver(info));
    const messages = [
      error && [error.message, error.hint].filter(Boolean).join(" "),
      !connected && running && "The connection is lost. It is tried again by itself, and nothing is missed.",
      runs.length > 0 &&
        runs.every((/** @type {any} */ info) => info.status === "queued") &&
        "Waiting in the queue. The curves begin when it starts.",
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
