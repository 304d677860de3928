// The Train page: a form from the declarations; every optimizer on it becomes a run.

import { ApiError, get, post } from "./lib/api.mjs";
import { errorsAt, form } from "./lib/controls.mjs";
import { byId, make } from "./lib/dom.mjs";
import { createStore } from "./lib/store.mjs";
import { mountThemeSwitch } from "./lib/theme.mjs";
import { makeRunner } from "./lib/view.mjs";
import { mountRunners } from "./parts/runners.mjs";
import { PRESETS, trainProperties } from "./parts/train-settings.mjs";

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
const catalogue = await get(document.body.dataset.catalogue ?? "/api/catalogue");
const tasks = new Map(catalogue.tasks.map((/** @type {any} */ task) => [task.id, task]));
const runProperties = trainProperties();
const store = createStore({
  task: /** @type {string} */ (catalogue.tasks[0]?.id ?? ""),
  settings: /** @type {Record<string, any>} */ ({}),
  run: /** @type {Record<string, any>} */ ({}),
  runners: /** @type {import("./lib/view.mjs").Runner[]} */ ([]),
  solo: 0,
  result: null,
  visible: [],
  error: /** @type {any} */ (null),
});

/** @param {any} preset */
function apply(preset) {
  store.set({
    task: preset.task,
    settings: preset.settings ?? {},
    run: preset.run ?? {},
    runners: preset.runners.map((/** @type {any} */ runner) => makeRunner(runner.optimizer, structuredClone(runner))),
    error: null,
  });
}

/** The form of an earlier run, to be changed. @param {any} config */
function fromConfig(config) {
  const { task, optimizer, hyper, schedule, decay_schedule: decaySchedule, settings, trace, ...rest } = config;
  const run = Object.fromEntries(
    Object.entries({ ...rest, trace_every: trace?.every }).filter(
      ([name, value]) => name in runProperties && value !== null && value !== undefined,
    ),
  );
  return {
    task,
    settings: settings ?? {},
    run,
    runners: [{ optimizer, hyper, schedule: schedule ?? null, decaySchedule: decaySchedule ?? null }],
  };
}

const presets = PRESETS.filter((preset) => tasks.has(preset.task));
byId("presets").append(
  ...presets.map((preset) => make("button", { type: "button", onclick: () => apply(preset) }, preset.title)),
);
const clone = new URLSearchParams(location.search).get("clone");
if (clone) apply(fromConfig((await get(`/api/runs/${clone}`)).config));
else if (presets[0]) apply(presets[0]);

// Task
const select = make(
  "select",
  { "aria-label": "Task" },
  ...catalogue.tasks.map((/** @type {any} */ task) =>
    make("option", { value: task.id, title: task.summary }, task.title),
  ),
);
select.addEventListener("change", () => store.set({ task: select.value, settings: {}, error: null }));
const summary = make("p", { class: "about" });
const taskSettings = make("div", {});
byId("task").append(select, summary, taskSettings);
let shown = "";
/** @type {ReturnType<typeof form>} */
let taskForm = form({ properties: {} }, () => {});
function renderTask() {
  const { task, settings, error } = store.get();
  if (task !== shown) {
    shown = task;
    const declared = tasks.get(task);
    select.value = task;
    summary.textContent = declared?.summary ?? "";
    taskForm = form(declared?.settings ?? { properties: {} }, (name, value) =>
      store.set({ settings: { ...store.get().settings, [name]: value } }),
    );
    taskSettings.replaceChildren(...Object.values(taskForm.elements));
  }
  taskForm.update(settings, errorsAt(error, "settings"));
}
store.on(["task", "settings", "error"], renderTask);
renderTask();

// What all share
const runForm = form({ properties: runProperties }, (name, value) =>
  store.set({ run: { ...store.get().run, [name]: value } }),
);
byId("run-settings").append(...Object.values(runForm.elements));
function renderRun() {
  const { run, error } = store.get();
  runForm.update(run, errorsAt(error && { ...error, field: `run.${error.field}` }, "run"));
}
store.on(["run", "error"], renderRun);
renderRun();

mountRunners(byId("runners"), store, catalogue, (optimizer) => {
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer);
  return { lr: declared?.hyper.properties.lr?.default ?? 1e-3 };
});

// Start
const status = byId("status");
const start = /** @type {HTMLButtonElement} */ (byId("start"));
store.on(["runners"], renderStart);
function renderStart() {
  const { length } = store.get().runners;
  start.disabled = length === 0;
  start.textContent = length > 1 ? `Start ${length} runs` : "Start";
}
renderStart();

/** The request that starts a runner. @param {import("./lib/view.mjs").Runner} runner */
function requestFor(runner) {
  const { task, settings, run } = store.get();
  const {
    trace_every: every,
    clip,
    ...rest
  } = Object.fromEntries(
    Object.entries(runProperties).map(([name, property]) => [name, run[name] ?? property.default]),
  );
  return {
    task,
    settings,
    ...rest,
    ...(clip > 0 ? { clip } : {}),
    trace: { every },
    optimizer: runner.optimizer,
    hyper: runner.hyper,
    ...(runner.schedule ? { schedule: runner.schedule } : {}),
    ...(runner.decaySchedule ? { decay_schedule: runner.decaySchedule } : {}),
  };
}

start.addEventListener("click", async () => {
  start.disabled = true;
  status.hidden = true;
  const { runners } = store.get();
  /** @type {string[]} */
  const ids = [];
  for (const [index, runner] of runners.entries()) {
    try {
      ids.push((await post("/api/runs", requestFor(runner))).id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const own = /^(hyper|optimizer|schedule|decay_schedule)/.test(error.field);
      store.set({
        error: { message: error.message, hint: error.hint, field: own ? `runs.${index}.${error.field}` : error.field },
      });
      status.textContent = [
        error.message,
        error.hint,
        ids.length ? `${ids.length} of ${runners.length} runs were started.` : "",
      ]
        .filter(Boolean)
        .join(" ");
      status.hidden = false;
      start.disabled = false;
      return;
    }
  }
  location.href = ids.length > 1 ? `/compare?runs=${ids.join(",")}` : `/runs/${ids[0]}`;
});
