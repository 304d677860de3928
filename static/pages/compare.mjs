// The Compare page: two or three optimizers in columns, everything else the same.

import { mountAddChart, mountCharts } from "../chart/charts.mjs";
import { makeRunner } from "../data/runner.mjs";
import { followTrajectories } from "../data/trajectories.mjs";
import { errorsAt, form } from "../forms/form.mjs";
import { mountColumn } from "../surface/column.mjs";
import { mountPictureBar } from "../surface/status.mjs";
import { mountVerdict } from "../surface/verdict.mjs";
import { byId } from "../ui/dom.mjs";
import { gridShape, openPage, sceneEvents, wantedBox } from "../ui/page.mjs";
import { cursor, mountPlayer } from "../ui/player.mjs";
import { mountShare } from "../ui/share.mjs";
import { onThemeChange } from "../ui/theme.mjs";

const MOST = 3;

const { catalogue, defaults, store, write } = await openPage("compare");
/** @type {Map<number, ReturnType<typeof mountColumn>>} */
const columns = new Map();
const place = byId("columns");
const add = /** @type {HTMLButtonElement} */ (byId("add-column"));

/** Makes a column for every runner, in their order. */
function arrange() {
  const { runners } = store.get();
  for (const [key, column] of columns) {
    if (runners.some((runner) => runner.key === key)) continue;
    column.element.remove();
    columns.delete(key);
  }
  for (const runner of runners) {
    let column = columns.get(runner.key);
    if (!column) {
      column = mountColumn(
        runner.key,
        store,
        catalogue,
        sceneEvents(store, () => session?.requestGrid()),
      );
      columns.set(runner.key, column);
    }
    if (place.children[runners.indexOf(runner)] !== column.element) {
      place.insertBefore(column.element, place.children[runners.indexOf(runner)] ?? null);
    }
  }
  place.style.setProperty("--columns", String(runners.length));
  add.hidden = runners.length >= MOST;
}

/** The first column's picture stands for all: they have one size and one box. */
const first = () => columns.get(store.get().runners[0]?.key ?? -1)?.scene;

function show() {
  const state = store.get();
  const before = first()?.box().join();
  for (const [key, { scene }] of columns) {
    scene.show({
      wanted: wantedBox(state, catalogue),
      runs: state.visible.filter((run) => run.runner.key === key),
      grid: state.grid,
      starts: state.starts,
      shownStart: state.shownStart,
      dimensions: state.dimensions,
      levels: state.levels,
      glyphs: state.glyphs,
      step: cursor(state),
    });
  }
  if (before !== first()?.box().join()) session?.requestGrid();
}

/** @type {ReturnType<typeof followTrajectories> | undefined} */
let session;
arrange();
session = followTrajectories(store, catalogue, () =>
  gridShape(first() ?? { size: () => [1, 1], box: () => [-5, 5, -5, 5] }),
);
store.on(["runners"], arrange);
store.on(
  ["runners", "box", "result", "surface", "visible", "grid", "starts", "shownStart", "dimensions", "levels", "glyphs"],
  show,
);
store.on(["step", "hover", "steps"], show);
onThemeChange(session.redraw);
show();

// η and λ are shared: a change reaches every optimizer that has the setting.
const shared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === "adamw").hyper.properties;
const both = form(
  { properties: { lr: shared.lr, weight_decay: shared.weight_decay } },
  (name, value, committed) =>
    store.set(
      {
        runners: store.get().runners.map((runner) => {
          const optimizer = catalogue.optimizers.find((/** @type {any} */ o) => o.id === runner.optimizer);
          return name in optimizer.hyper.properties ? { ...runner, hyper: { ...runner.hyper, [name]: value } } : runner;
        }),
      },
      committed,
    ),
  () => defaults.runners[0]?.hyper ?? {},
);
byId("shared-settings").append(...Object.values(both.elements));
function renderShared() {
  const { runners, error } = store.get();
  const have = (/** @type {string} */ name) => runners.find((runner) => name in runner.hyper)?.hyper[name];
  both.update(
    { lr: have("lr"), weight_decay: have("weight_decay") },
    errorsAt(error && { ...error, field: error.field.replace(/^runs\.\d+/, "runs.0") }, "runs.0.hyper"),
  );
}
store.on(["runners", "error"], renderShared);
renderShared();

/** η and λ as the columns have them. @param {import("../data/runner.mjs").Runner[]} runners */
function shownSettings(runners) {
  return ["lr", "weight_decay"].flatMap((name) => {
    const value = runners.find((runner) => name in runner.hyper)?.hyper[name];
    return value === undefined ? [] : [/** @type {const} */ ([name, value])];
  });
}

add.addEventListener("click", () => {
  const { runners } = store.get();
  const taken = new Set(runners.map((runner) => runner.optimizer));
  const next = ["adam_l2", "adamw", "adamw_lh"].find((id) => !taken.has(id)) ?? "adam";
  store.set({ runners: [...runners, makeRunner(next, { hyper: Object.fromEntries(shownSettings(runners)) })] });
});

mountVerdict(byId("verdict"), store);
mountPictureBar(byId("picture-bar"), store);
mountCharts(byId("difference"), store, catalogue, { which: (chart) => chart === "apart" });
mountAddChart(byId("add-chart"), store, catalogue);
mountPlayer(byId("player"), store);
mountShare(byId("share-items"), store, write, () => {
  const scene = first();
  return scene ? { viewport: scene.viewport(), marks: scene.marks } : null;
});
