// A column of the Compare page: one optimizer, its picture and its charts.

import { mountCharts } from "../chart/charts.mjs";
import { shownRuns } from "../chart/series.mjs";
import { averagingTime, optimizerSelect } from "../forms/runner-fields.mjs";
import { make } from "../ui/dom.mjs";
import { mountScene } from "./scene.mjs";

const KINDS = new Map([
  ["coupled", "coupled decay (L2 in the gradient)"],
  ["decoupled", "decoupled decay"],
]);

/**
 * @param {number} key  the runner's
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {Parameters<typeof mountScene>[1]} events
 */
export function mountColumn(key, store, catalogue, events) {
  const swatch = make("span", { class: "swatch" });
  const select = optimizerSelect(catalogue, "Optimizer of this column");
  const remove = make("button", { type: "button" }, "Remove");
  const facts = make("p", { class: "tau" });
  const reason = make("p", { class: "outcome" });
  const picture = make("div", { class: "scene" });
  const charts = make("div", {});
  const element = make(
    "section",
    { class: "column", "data-key": key },
    make("header", { class: "runner-head" }, swatch, select, remove),
    make("div", { class: "facts" }, facts, reason),
    picture,
    charts,
  );
  const scene = mountScene(picture, events);
  mountCharts(charts, store, catalogue, {
    runs: (state) => shownRuns(state).filter((run) => run.runner.key === key),
    linked: true,
    which: (chart) => chart !== "apart",
  });

  const edit = (/** @type {(runners: any[]) => any[]} */ change) => store.set({ runners: change(store.get().runners) });
  select.addEventListener("change", () => {
    const known = catalogue.optimizers.find((/** @type {any} */ o) => o.id === select.value).hyper.properties;
    edit((runners) =>
      runners.map((runner) => {
        if (runner.key !== key) return runner;
        const kept = Object.fromEntries(Object.entries(runner.hyper).filter(([name]) => name in known));
        // η and λ are shared by the columns, so a new optimizer takes over those of its neighbours.
        const others = runners.find((other) => "weight_decay" in other.hyper)?.hyper ?? {};
        const decay = "weight_decay" in known && others.weight_decay !== undefined;
        return {
          ...runner,
          optimizer: select.value,
          hyper: { ...kept, ...(decay ? { weight_decay: others.weight_decay } : {}) },
          decaySchedule: null,
        };
      }),
    );
  });
  remove.addEventListener("click", () => edit((runners) => runners.filter((runner) => runner.key !== key)));

  function render() {
    const { runners, visible, result } = store.get();
    const runner = runners.find((/** @type {any} */ r) => r.key === key);
    if (!runner) return;
    select.value = runner.optimizer;
    remove.hidden = runners.length <= 2;
    const run = visible.find((/** @type {any} */ r) => r.runner.key === key);
    if (run) swatch.style.setProperty("--colour", run.colour);
    const recording = result?.byRunner.get(key);
    const kind = KINDS.get(recording?.about.decay.kind) ?? "no decay";
    facts.textContent = recording?.about.averaging_time ? `${kind}, ${averagingTime(recording.about)}` : kind;
    reason.textContent = recording?.broke ? recording.reason : "";
  }
  store.on(["runners", "visible", "result"], render);
  render();
  return { element, scene };
}
