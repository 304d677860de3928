// The status of a run in a word: how it ended says more than that it did.

import { make } from "../ui/dom.mjs";

const WORDS = /** @type {Record<string, string>} */ ({ undefined: "NaN" });

/** How it ended if it did, else its status. @param {{ status: string, outcome?: string | null }} run */
function known({ status, outcome }) {
  return status === "finished" && outcome ? outcome : status;
}

/** How a run stands, in a word. @param {{ status: string, outcome?: string | null }} run */
export function standing(run) {
  return WORDS[known(run)] ?? known(run);
}

export function makeBadge() {
  const element = make("span", { class: "badge" });
  return {
    element,
    /** @param {any} run */
    update(run) {
      element.textContent = standing(run);
      element.dataset.status = known(run);
      element.title = run.reason ?? "";
    },
  };
}
