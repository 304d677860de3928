// Which step a click on a chart has set the numbers to, and the way back to the newest.

import { isTyping, make } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";

/** `store` needs the field `step` (−1: the newest). @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
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
