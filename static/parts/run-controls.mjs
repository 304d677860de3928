// What can be done to a run while it runs: pause, step, cancel, change η and λ.

import { ApiError, post } from "../lib/api.mjs";
import { make } from "../lib/dom.mjs";
import { plain } from "../lib/format.mjs";
import { mayChange } from "../lib/me.mjs";

const ENDED = new Set(["finished", "cancelled", "failed", "interrupted"]);

/** Whether a run is over. @param {any} info */
export function isOver(info) {
  return ENDED.has(info.status);
}

/**
 * @param {HTMLElement} root
 * @param {import("../lib/store.mjs").Store<any>} store
 * @param {string} id
 */
export function mountRunControls(root, store, id) {
  const message = make("p", { class: "field-error", role: "status" });
  /** @param {string} label @param {() => Promise<unknown>} act */
  const button = (label, act) => make("button", { type: "button", onclick: () => attempt(act) }, label);
  /** @param {() => Promise<unknown>} act */
  async function attempt(act) {
    message.textContent = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      message.textContent = [error.message, error.hint].filter(Boolean).join(" ");
    }
  }
  const control = (/** @type {object} */ body) => post(`/api/runs/${id}/control`, body);
  const pause = button("Pause", () => control({ paused: !store.get().runs[0]?.paused }));
  const step = button("Step", () => control({ steps: 1 }));
  const cancel = button("Cancel", () => post(`/api/runs/${id}/cancel`, {}));
  const clone = make("a", { class: "button", href: `/train?clone=${id}` }, "Clone with changes");
  const knobs = [
    { name: "lr", label: "η" },
    { name: "weight_decay", label: "λ" },
  ].map(({ name, label }) => {
    const input = make("input", {
      type: "text",
      inputmode: "decimal",
      class: "number",
      "aria-label": `Change ${label} while it runs`,
      autocomplete: "off",
    });
    input.addEventListener("change", () =>
      attempt(() => control({ hyper: { [name]: Number(input.value.replace(",", ".")) } })),
    );
    return { name, input, label: make("label", { class: "knob" }, `${label} `, input) };
  });
  root.append(pause, step, cancel, ...knobs.map((knob) => knob.label), clone, message);

  function render() {
    const info = store.get().runs[0];
    if (!info) return;
    const over = isOver(info) || !mayChange(info);
    pause.textContent = info.paused ? "Resume" : "Pause";
    pause.hidden = over || info.status === "queued";
    step.hidden = over || !info.paused;
    cancel.hidden = over;
    for (const { name, input, label } of knobs) {
      label.hidden = over || info.status === "queued" || !(name in (info.latest ?? {}));
      const value = info.latest?.[name];
      if (document.activeElement !== input && value !== undefined && value !== null) input.value = plain(value);
    }
  }
  store.on(["runs"], render);
  render();
}
