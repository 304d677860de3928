// Training runs side by side or overlaid: charts, what differs in their settings, and a sentence.

import { mountAddChart, mountCharts } from "../chart/charts.mjs";
import { mountEvents } from "../chart/events.mjs";
import { mountAcross } from "../chart/own.mjs";
import { followRuns } from "../data/follow-runs.mjs";
import { openRunPage } from "../data/run-store.mjs";
import { flatten } from "../data/settings.mjs";
import { heroOf } from "../run/hero.mjs";
import { mountHeldStep, mountRunStatus, mountSmoothing } from "../run/status.mjs";
import { mountStrip } from "../run/strip.mjs";
import { differences, mountRunsVerdict } from "../run/verdict.mjs";
import { byId, make } from "../ui/dom.mjs";
import { settingName } from "../ui/names.mjs";
import { onThemeChange } from "../ui/theme.mjs";

const { catalogue, store } = await openRunPage("comparison", ["run_parts"]);
const ids = store.get().compared;
mountRunStatus(byId("status"), store);
mountHeldStep(byId("held-step"), store);
mountSmoothing(byId("smoothing"), store);
mountAcross(byId("across"), store);
mountAddChart(byId("add-chart"), store, catalogue, "run");

// Overlaid: one list of charts with all runs. Side by side: a list for each, axes linked.
const place = byId("place");
const overlay = make("div", {});
mountCharts(overlay, store, catalogue, {
  hero: ({ visible, charts }) =>
    heroOf(
      visible.map((/** @type {any} */ run) => run.recording.about.config ?? {}),
      charts.map((/** @type {any} */ chart) => chart.id),
    ),
});
const columns = ids.map((_, index) => {
  const title = make("h2", {});
  const charts = make("div", {});
  mountCharts(charts, store, catalogue, { runs: (state) => state.visible.slice(index, index + 1), linked: true });
  store.on(["visible"], ({ visible }) => {
    title.textContent = visible[index]?.label ?? "";
    title.style.color = visible[index]?.colour ?? "";
  });
  const column = make("section", { class: "column" }, title, charts);
  store.on(["missing"], ({ missing }) => {
    column.hidden = index >= ids.length - missing.length;
  });
  return column;
});
const sideBySide = make("div", { class: "side-by-side" }, ...columns);
const choice = make(
  "select",
  { "aria-label": "Layout" },
  make("option", { value: "" }, "overlaid"),
  make("option", { value: "side" }, "side by side"),
);
choice.addEventListener("change", () => store.set({ layout: choice.value }));
byId("layout").append(choice);
function arrange() {
  choice.value = store.get().layout === "side" ? "side" : "";
  place.replaceChildren(choice.value ? sideBySide : overlay);
}
store.on(["layout"], arrange);
arrange();

const tensor = make("select", { "aria-label": "Tensor" });
tensor.addEventListener("change", () => store.set({ tensor: tensor.value }));
byId("tensor-choice").append(make("label", { class: "live-setting" }, "Tensor ", tensor));
store.on(["visible", "tensor"], ({ visible, tensor: chosen }) => {
  const names = visible[0]?.recording.tensors ?? [];
  if (names.length + 1 !== tensor.options.length) {
    tensor.replaceChildren(
      make("option", { value: "" }, names[0] ? `${names[0]} (the first)` : "first"),
      ...names.map((name) => make("option", { value: name }, name)),
    );
  }
  tensor.value = chosen;
});

mountStrip(byId("legend"), store);
mountRunsVerdict(byId("verdict"), store);
/** @param {string} path @param {any[]} runs */
function nameOfSetting(path, runs) {
  const owner = runs.find(({ recording }) => path in flatten(recording.about.config ?? {})) ?? runs[0];
  return settingName(path, owner.recording.about, catalogue);
}
let tabulated = "";
store.on(["visible"], ({ visible }) => {
  const rows = differences(visible.map((run) => run.recording.about.config ?? {}));
  const key = JSON.stringify([rows, visible.map((run) => run.label)]);
  if (key === tabulated) return;
  tabulated = key;
  byId("differences").replaceChildren(
    rows.length
      ? make(
          "table",
          {},
          make(
            "thead",
            {},
            make("tr", {}, make("th", {}, "setting"), ...visible.map((run) => make("th", { scope: "col" }, run.label))),
          ),
          make(
            "tbody",
            {},
            ...rows.map(({ name, values }) =>
              make(
                "tr",
                {},
                make("th", { scope: "row" }, nameOfSetting(name, visible)),
                ...values.map((v) => make("td", {}, v)),
              ),
            ),
          ),
        )
      : make("p", { class: "hint" }, visible.length > 1 ? "Nothing: they differ in name alone." : "One run alone."),
  );
});

mountEvents(byId("events"), store);

const live = followRuns(store, catalogue, ids);
onThemeChange(live.redraw);
