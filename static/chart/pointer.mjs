// The pointer on a chart: it moves the common cursor, a click holds it, a double click shows all steps.

import { scales } from "./plot.mjs";

const A_CLICK = 3; // pixels that a click may wander

/**
 * @param {HTMLElement} place  where the chart is drawn
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {() => boolean} [byStep]  whether steps stand across
 */
export function followPointer(place, store, byStep = () => true) {
  /** @param {number} step */
  const within = (step) => Math.min(Math.max(Math.round(step), store.get().first ?? 0), store.get().steps);
  place.addEventListener("pointermove", (event) => {
    const at = event.buttons || !byStep() ? null : scales(place);
    if (!at) return;
    const px = event.clientX - place.getBoundingClientRect().left;
    store.set({ hover: px >= at.left && px <= at.right ? within(at.stepAt(px)) : null }, false);
  });
  place.addEventListener("pointerleave", () => store.set({ hover: null }, false));
  place.addEventListener(
    "pointerdown",
    (down) => {
      const at = byStep() ? scales(place) : null;
      const left = place.getBoundingClientRect().left;
      // Plotly covers the page while a button is down, so the release is awaited on the window.
      addEventListener(
        "pointerup",
        (up) => {
          const px = up.clientX - left;
          if (!at || Math.abs(up.clientX - down.clientX) > A_CLICK || px < at.left || px > at.right) return;
          const step = within(at.stepAt(px));
          store.set({ step: step === store.get().steps ? -1 : step });
        },
        { once: true },
      );
    },
    true,
  );
  place.addEventListener("dblclick", () => store.set({ range: null }));
}
