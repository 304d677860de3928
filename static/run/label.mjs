// What stands beside a run in a word: how it stands, and whose it is.

import { make, visitor } from "../ui/dom.mjs";

const WORDS = /** @type {Record<string, string>} */ ({ undefined: "NaN" });

/** How it ended if it did, else its status. @param {{ status: string, outcome?: string | null }} run */
function known({ status, outcome }) {
  return status === "finished" && outcome ? outcome : status;
}

/** The status of a run in a word: how it ended says more than that it did. @param {{ status: string, outcome?: string | null }} run */
export function statusWord(run) {
  return WORDS[known(run)] ?? known(run);
}

export function makeStatusLabel() {
  const element = make("span", { class: "run-status" });
  return {
    element,
    /** @param {any} run */
    update(run) {
      element.textContent = statusWord(run);
      element.dataset.status = known(run);
      element.title = run.reason ?? "";
    },
  };
}

/** Whether whoever looks may change this run. @param {{ owner?: string } | undefined} run */
export function mayChange(run) {
  const { id, instructs } = visitor();
  return instructs || run?.owner === id;
}

/** Whose run it is, as whoever looks would say. @param {{ owner?: string }} run */
export function ownerName(run) {
  return run.owner === visitor().id ? "you" : (run.owner ?? "");
}
