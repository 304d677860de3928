// The runners side by side in a table of what came out.

import { DASHES } from "../chart/series.mjs";
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
      { class: "table-scroll" },
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
    const { visible, goal: chosen } = store.get();
    const runs = /** @type {Series[]} */ (visible);
    const limit = chosen ?? defaultGoal(runs);
    if (!isEdited(goal) && error.hidden) goal.value = plain(limit);
    const several = new Set(runs.map((run) => run.start)).size > 1;
    body.replaceChildren(
      ...runs.map((run) => {
        const label = several ? `${run.label}, start ${run.start + 1}` : run.label;
        const cells = [
          number(final(run, "loss")),
          number(final(run, "distance")),
          stepsTo(run, limit),
          number(final(run, "weight_norm")),
          run.recording.outcome,
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
  store.on(["visible", "goal"], follow);
  follow();
}

/** @param {Series} run @param {string} name */
function final(run, name) {
  return run.recording.valueAt(name, run.recording.about.steps);
}

/** The loss that is about a hundredth of the way from the best final loss to the start. @param {Series[]} runs */
function defaultGoal(runs) {
  const [best] = extent(runs.map((run) => final(run, "loss") ?? NaN));
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
