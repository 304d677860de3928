// The runners side by side in a table of what came out.

import { DASHES, shownRuns } from "../chart/series.mjs";
import { extent } from "../data/columns.mjs";
import { inSight, isEdited, make, markEdited, set, watchEdits } from "../ui/dom.mjs";
import { count, noNumber, number, plain, roundedUp, typedNumber } from "../ui/format.mjs";

/** @typedef {import("../chart/series.mjs").Series} Series */

const COLUMNS = [
  { name: "loss", title: "final loss" },
  { name: "distance", title: "distance to global minimum" },
  { name: "goal", title: "steps to goal" },
  { name: "weight_norm", title: "weight norm" },
  { name: "outcome", title: "outcome" },
];

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 */
export function mountTable(root, store) {
  const goal = make("input", {
    type: "text",
    inputmode: "decimal",
    class: "number",
    id: "goal",
    placeholder: "auto",
    autocomplete: "off",
  });
  watchEdits(goal);
  const error = make("p", { class: "field-error", id: "goal-error", hidden: true });
  const body = make("tbody", {});
  const heads = COLUMNS.map((column) => make("th", { scope: "col" }, column.title));
  root.append(
    make("div", { class: "goal" }, make("label", { for: "goal" }, "Steps until the loss is at most"), goal, error),
    make(
      "div",
      { class: "table-scroll", tabindex: 0 },
      make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "runner"), ...heads)), body),
    ),
  );
  goal.addEventListener("change", () => {
    const value = typedNumber(goal.value);
    const wrong = value === null && goal.value.trim() !== "";
    showMessage(wrong ? noNumber(goal.value) : "");
    store.set({ goal: value });
    if (!wrong) render();
  });
  goal.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    showMessage("");
    markEdited(goal, false);
    render();
  });

  /** @param {string} message  what is wrong with the text that stays in the field */
  function showMessage(message) {
    error.textContent = message;
    error.hidden = !message;
    set(goal, { "aria-invalid": message ? "true" : undefined, "aria-describedby": message ? error.id : undefined });
  }

  function render() {
    const state = store.get();
    const { goal: chosen, starts } = state;
    const runs = shownRuns(state);
    const bounded = state.result?.surface?.bounded ?? true;
    const limit = chosen ?? (bounded ? defaultGoal(runs) : null);
    if (!isEdited(goal) && error.hidden) goal.value = plain(limit);
    set(goal, {
      placeholder: bounded ? "auto" : "none",
      title: bounded
        ? undefined
        : "This surface has no lowest value, so there is nothing to reach. Type a loss to count the steps to it.",
    });
    body.replaceChildren(
      ...runs.map((run) => {
        const label = starts.length > 1 ? `${run.label}, start ${run.start + 1}` : run.label;
        const { broke, outcome, about } = run.recording;
        // Of what broke off the last numbers say how far it was let run, and nothing of the optimizer.
        const end = (/** @type {string} */ name) => (broke ? "–" : number(final(run, name)));
        const cells = [
          end("loss"),
          end("distance"),
          stepsTo(run, limit),
          end("weight_norm"),
          broke ? `${outcome} at ${count(about.steps)}` : outcome,
        ];
        return make(
          "tr",
          { title: run.recording.reason },
          make(
            "th",
            { scope: "row" },
            make("span", { class: "swatch", style: `--colour: ${run.colour}`, "data-dash": DASHES[run.dash]?.name }),
            label,
          ),
          ...cells.map((cell, i) => make("td", { class: i === 4 ? "word" : "" }, cell)),
        );
      }),
    );
  }
  const follow = inSight(root, render);
  store.on(["visible", "shownStart", "goal"], follow);
  follow();
}

/** @param {Series} run @param {string} name */
function final(run, name) {
  return run.recording.valueAt(name, run.recording.about.steps);
}

/**
 * The loss that is about a hundredth of the way from the best final loss, of those that kept going, to the start.
 * @param {Series[]} runs
 */
export function defaultGoal(runs) {
  const kept = runs.filter((run) => !run.recording.broke);
  const [best] = extent(kept.map((run) => final(run, "loss") ?? NaN));
  const start = runs[0]?.recording.columns.loss?.[0];
  if (!Number.isFinite(best) || start === undefined || !Number.isFinite(start)) return null;
  const way = Math.max(start - best, 0);
  return roundedUp(best + 0.01 * way, best + 0.02 * way);
}

/** @param {Series} run @param {number | null} limit */
function stepsTo(run, limit) {
  if (limit === null) return "–";
  const step = run.recording.columns.loss?.findIndex((loss) => loss <= limit) ?? -1;
  return step < 0 ? "not reached" : count(step);
}
