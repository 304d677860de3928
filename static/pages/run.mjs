// The page of one training run, live.

import { mountAddChart, mountCharts } from "../chart/charts.mjs";
import { mountEvents } from "../chart/events.mjs";
import { mountAcross } from "../chart/own.mjs";
import { followRuns } from "../data/follow-runs.mjs";
import { openRunPage } from "../data/run-store.mjs";
import { flatten } from "../data/settings.mjs";
import { mountRunControls } from "../run/controls.mjs";
import { mountRunHeader } from "../run/header.mjs";
import { mountHeldStep, mountRunStatus, mountSmoothing } from "../run/status.mjs";
import { mountTensors } from "../run/tensors.mjs";
import { mountWeightViews } from "../surface/weight-views.mjs";
import { byId, make } from "../ui/dom.mjs";
import { settingName } from "../ui/names.mjs";
import { onThemeChange } from "../ui/theme.mjs";

// Charts that are about the chosen tensor alone; they open when one is chosen.
const OF_TENSOR = ["run_histogram", "run_parts", "run_angle"];

const id = document.body.dataset.run ?? "";
const { catalogue, store } = await openRunPage("run", OF_TENSOR);
mountRunHeader(byId("header"), store);
mountRunControls(byId("run-controls"), store, id);
mountRunStatus(byId("status"), store);
mountHeldStep(byId("held-step"), store);
mountSmoothing(byId("smoothing"), store);
mountAcross(byId("across"), store);
mountCharts(byId("charts"), store, catalogue, { which: (chart) => !OF_TENSOR.includes(chart) });
mountAddChart(byId("add-chart"), store, catalogue, "run");
mountWeightViews(byId("weight-views"), store);
mountTensors(byId("tensors"), store);
mountEvents(byId("events"), store);
const chosen = byId("chosen");
mountCharts(byId("tensor-charts"), store, catalogue, { which: (chart) => OF_TENSOR.includes(chart) });
store.on(["tensor", "visible"], ({ tensor }) => {
  chosen.hidden = !tensor;
  byId("chosen-title").textContent = tensor;
});
const live = followRuns(store, catalogue, [id]);
onThemeChange(live.redraw);

const settings = byId("settings");
store.on(["runs"], ({ runs: [info] }) => {
  if (settings.children.length || !info) return;
  const rows = Object.entries(flatten({ task: info.task, optimizer: info.optimizer, ...info.config }))
    .filter(
      ([name, value]) =>
        ![null, undefined, ""].includes(Array.isArray(value) ? value.join() : value) &&
        !["name", "tags"].includes(name),
    )
    .map(([path, value]) => /** @type {const} */ ([settingName(path, info, catalogue), value]));
  settings.append(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));
});
