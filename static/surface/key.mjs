// The key of the picture: the runners that are drawn, and the signs that are there.

import { DASHES, shownRuns } from "../chart/series.mjs";
import { make } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { onThemeChange } from "../ui/theme.mjs";
import { GLYPHS } from "./marks.mjs";

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {HTMLElement} scene  tells by "signs" which minima and arrows are to be seen
 */
export function mountKey(root, store, scene) {
  const runners = make("ul", { class: "key-runners", "aria-label": "Runners" });
  const signs = make("ul", { class: "key-signs", "aria-label": "Signs" });
  root.append(runners, signs);
  let there = {
    minima: new Set(),
    arrows: /** @type {string[]} */ ([]),
    magnified: /** @type {number | null} */ (null),
  };

  function renderRunners() {
    const entries = shownRuns(store.get()).map((run) =>
      make(
        "li",
        {},
        make("span", { class: "swatch", style: `--colour: ${run.colour}`, "data-dash": DASHES[run.dash]?.name }),
        run.label,
      ),
    );
    runners.replaceChildren(...entries);
  }

  let written = "";
  function renderSigns() {
    const several = store.get().starts.length > 1;
    /** @type {[string, string][]} */
    const entries = [["○", several ? "starts" : "start"]];
    if (there.minima.has("loss")) entries.push(["+", "minimum"]);
    if (there.minima.has("penalised")) entries.push(["◇", "minimum with penalty"]);
    const parts = there.magnified ? ` ×${number(there.magnified, 2)}` : "";
    for (const { name, label, sign, scale } of GLYPHS)
      if (there.arrows.includes(name)) entries.push([sign, scale === "parts" ? label + parts : label]);
    const text = entries.flat().join();
    if (text === written) return;
    written = text;
    signs.replaceChildren(
      ...entries.map(([sign, name]) =>
        make("li", {}, make("span", { class: "sign", "aria-hidden": "true" }, sign), name),
      ),
    );
  }

  scene.addEventListener("signs", (event) => {
    there = /** @type {CustomEvent} */ (event).detail;
    renderSigns();
  });
  store.on(["starts"], renderSigns);
  store.on(["visible", "shownStart"], renderRunners);
  onThemeChange(renderRunners);
  renderRunners();
  renderSigns();
}
