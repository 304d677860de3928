// The runners side by side in a table of what came out.

import { inSight, make } from "../lib/dom.mjs";
import { count, number } from "../lib/format.mjs";
import { DASHES } from "../lib/series.mjs";

/** @typedef {import("./marks.mjs").Run} Run */

const COLUMNS = [
  { name: "loss", title: "final loss" },
  { name: "distance", title: "distance to minimum" },
  { name: "goal", title: "steps to goal" },
  { name: "weight_norm", title: "weight norm" },
  { name: "outcome", title: "outcome" },
];

/**
 * @param {HTMLElement} root
 * @param {import("../lib/store.mjs").Store<any>} store
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
  const body = make("tbody", {});
  const heads = COLUMNS.map((column) => make("th", { scope: "col" }, column.title));
  root.append(
    make("div", { class: "goal" }, make("label", { for: "goal" }, "Steps until the loss is at most"), goal),
    make(
      "div",
      { class: "table-scroll" },
      make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "runner"), ...heads)), body),
    ),
  );
  goal.addEventListener("change", () => {
    const value = Number(goal.value.replace(",", "."));
    store.set({ goal: goal.value.trim() === "" || !Number.isFinite(value) ? null : value });
  });

  function render() {
    const { visible, goal: chosen } = store.get();
    const runs = /** @type {Run[]} */ (visible);
    const limit = chosen ?? defaultGoal(runs);
    if (document.activeElement !== goal) goal.value = limit === null ? "" : String(Number(limit.toPrecision(2)));
    const several = new Set(runs.map((run) => run.start)).size > 1;
    body.replaceChildren(
      ...runs.map((run) => {
        const label = several ? `${run.label}, start ${run.start + 1}` : run.label;
        const cells = [
          number(final(run, "loss")),
          number(final(run, "distance")),
          stepsTo(run, limit),
          number(final(run, "weight_norm")),
          run.outcome,
        ];
        return make(
          "tr",
          { title: run.reason },
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

/** @param {Run} run @param {string} name */
function final(run, name) {
  return run.columns[name]?.at(-1);
}

/** The loss that is a thousandth of the way from the best final loss to the start. @param {Run[]} runs */
function defaultGoal(runs) {
  const ends = runs.map((run) => final(run, "loss")).filter((v) => v !== undefined && Number.isFinite(v));
  const start = runs[0]?.columns.loss?.[0];
  if (!ends.length || start === undefined || !Number.isFinite(start)) return null;
  const best = Math.min(.../** @type {number[]} */ (ends));
  return best + 0.01 * Math.max(start - best, 0);
}

/** @param {Run} run @param {number | null} limit */
function stepsTo(run, limit) {
  if (limit === null) return "–";
  const step = run.columns.loss?.findIndex((loss) => loss <= limit) ?? -1;
  return step < 0 ? "not reached" : count(step);
}
