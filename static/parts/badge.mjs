// The status of a run in a word: how it ended says more than that it did.

import { make } from "../lib/dom.mjs";

const WORDS = /** @type {Record<string, string>} */ ({ undefined: "NaN" });

export function makeBadge() {
  const element = make("span", { class: "badge" });
  return {
    element,
    /** @param {any} run */
    update({ status, outcome, reason }) {
      const known = status === "finished" && outcome ? outcome : status;
      element.textContent = WORDS[known] ?? known;
      element.dataset.status = known;
      element.title = reason ?? "";
    },
  };
}
