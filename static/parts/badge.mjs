// The status of a run in a word: how it ended says more than that it did.

import { make } from "../lib/dom.mjs";

const WORDS = /** @type {Record<string, string>} */ ({ undefined: "NaN" });

/** How a run stands, in a word. @param {{ status: string, outcome?: string | null }} run */
export function standing({ status, outcome }) {
  const known = status === "finished" && outcome ? outcome : status;
  return WORDS[known] ?? known;
}

export function makeBadge() {
  const element = make("span", { class: "badge" });
  return {
    element,
    /** @param {any} run */
    update(run) {
      element.textContent = standing(run);
      element.dataset.status = run.status === "finished" && run.outcome ? run.outcome : run.status;
      element.title = run.reason ?? "";
    },
  };
}
