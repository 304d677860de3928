// The page of one training run, live.

import { byId, make } from "./lib/dom.mjs";
import { followRuns } from "./lib/live-runs.mjs";
import { settingName } from "./lib/names.mjs";
import { flatten } from "./lib/nested.mjs";
import { openRunPage } from "./lib/run-store.mjs";
import { onThemeChange } from "./lib/theme.mjs";
import { mountAddChart, mountCharts } from "./parts/charts.mjs";
import { mountEvents } from "./parts/events.mjs";
import { mountHeldStep } from "./parts/held-step.mjs";
import { mountRunControls } from "./parts/run-controls.mjs";
import { mountRunHeader } from "./parts/run-header.mjs";
import { mountRunStatus, mountSmoothing } from "./parts/run-status.mjs";
import { mountTensors } from "./parts/tensors.mjs";
import { mountWeightViews } from "./parts/weight-views.mjs";

// Charts that are about the chosen tensor alone; they open when one is chosen.
const OF_TENSOR = ["run_histogram", "run_parts", "run_angle"];

const id = document.body.dataset.run ?? "";
const { catalogue, store } = await openRunPage(OF_TENSOR);
mountRunHeader(byId("header"), store);
mountRunControls(byId("run-controls"), store, id);
mountRunStatus(byId("status"), store);
mountHeldStep(byId("held-step"), store);
mountSmoothing(byId("smoothing"), store);
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
