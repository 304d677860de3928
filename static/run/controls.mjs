// What can be done to a run while it runs: pause, step, cancel, change η and λ.

import { ApiError, post } from "../data/api.mjs";
import { baseOf, isScheduled } from "../data/settings.mjs";
import { make } from "../ui/dom.mjs";
import { noNumber, number, plain, typedNumber } from "../ui/format.mjs";
import { mayChange } from "./label.mjs";

const ENDED = new Set(["finished", "cancelled", "failed", "interrupted", "deleted"]);

/** Whether a run is over. @param {any} info */
export function isOver(info) {
  return ENDED.has(info.status);
}

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {string} id
 */
export function mountRunControls(root, store, id) {
  const message = make("p", { class: "field-error", role: "status" });
  /** @param {string} label @param {() => Promise<unknown>} act */
  const button = (label, act) => make("button", { type: "button", onclick: () => attempt(act) }, label);
  /** @param {() => Promise<unknown>} act @param {string} [field]  what a refusal is about @param {() => void} [undo] */
  async function attempt(act, field = "", undo = () => {}) {
    message.textContent = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      undo();
      message.textContent = [field && `${field}:`, error.message, error.hint].filter(Boolean).join(" ");
    }
  }
  const control = (/** @type {object} */ body) => post(`/api/runs/${id}/control`, body);
  const pause = button("Pause", () => control({ paused: !store.get().runs[0]?.paused }));
  const step = button("Step", () => control({ steps: 1 }));
  const cancel = button("Cancel", () => post(`/api/runs/${id}/cancel`, {}));
  const clone = make("a", { class: "button", href: `/train?clone=${id}` }, "Clone with changes");
  const settings = [
    { name: "lr", letter: "η" },
    { name: "weight_decay", letter: "λ" },
  ].map(({ name, letter }) => {
    const input = make("input", {
      type: "text",
      inputmode: "decimal",
      class: "number",
      "aria-label": `Change ${letter} while it runs`,
      autocomplete: "off",
    });
    const restore = () => {
      message.textContent = "";
      input.value = plain(baseOf(store.get().runs[0] ?? {}, name));
    };
    input.addEventListener("change", () => {
      const text = input.value;
      const value = typedNumber(text);
      if (value !== null) {
        attempt(() => control({ hyper: { [name]: value } }), letter, restore);
        return;
      }
      restore();
      if (text.trim()) message.textContent = `${noNumber(text)} ${letter} stays as it was.`;
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") restore();
    });
    const now = make("span", { class: "hint", hidden: true, title: `${letter} after its schedule` });
    return { name, input, now, label: make("label", { class: "live-setting" }, `${letter} `, input, now) };
  });
  root.append(pause, step, cancel, ...settings.map((setting) => setting.label), clone, message);

  function render() {
    const info = store.get().runs[0];
    if (!info) return;
    const over = isOver(info) || !mayChange(info);
    pause.textContent = info.paused ? "Resume" : "Pause";
    clone.hidden = info.kind !== "train" || info.status === "deleted"; // what others log cannot be started here
    const begun = info.status !== "queued" || info.away;
    pause.hidden = over || !begun;
    step.hidden = over || !info.paused;
    cancel.hidden = over;
    for (const { name, input, now, label } of settings) {
      label.hidden = over || !begun || !(name in (info.latest ?? {}));
      const base = baseOf(info, name);
      if (document.activeElement !== input && base !== null) input.value = plain(base);
      now.hidden = !isScheduled(info, name);
      now.textContent = ` now ${number(info.latest?.[name], 3)}`;
    }
  }
  store.on(["runs"], render);
  render();
}
