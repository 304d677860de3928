// The Train page: a form from the declarations; every optimizer on it becomes a run.

import { viewOf } from "../data/address.mjs";
import { ApiError, get, post } from "../data/api.mjs";
import { presetsOf, runnerOf } from "../data/presets.mjs";
import { under } from "../data/root.mjs";
import { makeRunner } from "../data/runner.mjs";
import { createStore } from "../data/store.mjs";
import { mountCards } from "../forms/cards.mjs";
import { complete, timeText } from "../forms/estimate.mjs";
import { errorsAt, firstWrong, form } from "../forms/form.mjs";
import { mountRunners } from "../forms/runners.mjs";
import { formText, keepForm, keptForm } from "../forms/train-form.mjs";
import { countOf, fieldsOf, requestsOf, titleOf } from "../forms/train-request.mjs";
import { mountVary } from "../forms/vary.mjs";
import { byId, make } from "../ui/dom.mjs";
import { runName } from "../ui/names.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
const catalogue = await get(document.body.dataset.catalogue ?? "/api/catalogue");
const tasks = new Map(catalogue.tasks.map((/** @type {any} */ task) => [task.id, task]));
const options = catalogue.training.properties;
const store = createStore({
  task: /** @type {string} */ (catalogue.tasks[0]?.id ?? ""),
  settings: /** @type {Record<string, any>} */ ({}),
  run: /** @type {Record<string, any>} */ ({}),
  runners: /** @type {import("../data/runner.mjs").Runner[]} */ ([]),
  vary: { path: "", values: /** @type {any[]} */ ([]) },
  solo: 0,
  result: null,
  visible: [],
  error: /** @type {any} */ (null),
});

/** What the task brings: how long, in which portions. @param {any} task */
const runOf = (task) => ({ steps: task.steps, batch_size: task.batch_size });

/** Its schedule of the learning rate. @param {any} task */
const scheduleOf = (task) => (task?.schedule ? { id: task.schedule } : null);

/** Settings of an optimizer that suit the chosen task. @param {string} optimizer */
function suggested(optimizer) {
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer);
  const lr = declared?.hyper.properties.lr?.default ?? 1e-3;
  return { lr, ...tasks.get(store.get().task)?.suggested[optimizer] };
}

/** The form that a preset, or what was cloned, stands for. @param {any} view */
function formOf({ task: id, settings = {}, run = {}, runners, vary = { path: "", values: [] } }) {
  const task = tasks.get(id);
  const schedule = scheduleOf(task);
  return {
    task: id,
    settings,
    run: { ...runOf(task), ...run },
    runners: runners.map((/** @type {any} */ runner) => runnerOf({ schedule, ...runner })),
    vary,
  };
}

/** @param {any} view */
function apply(view) {
  store.set({ ...formOf(view), error: null });
}

/** A task brings its own steps, learning rates, decay and schedule. @param {string} id */
function choose(id) {
  const task = tasks.get(id);
  store.set({ task: id, settings: {}, error: null, run: { ...store.get().run, ...runOf(task) } }, false);
  const runners = store.get().runners.map((runner) => ({
    ...runner,
    hyper: { ...runner.hyper, ...suggested(runner.optimizer) },
    schedule: scheduleOf(task),
  }));
  store.set({ runners });
}

/** The form of an earlier run, to be changed. @param {any} config */
function fromConfig(config) {
  const { task, optimizer, hyper, schedule, decay_schedule, settings } = config;
  const run = Object.fromEntries(
    Object.keys(options)
      .map((path) => [path, path.split(".").reduce((value, name) => value?.[name], config)])
      .filter(([, value]) => value !== null && value !== undefined),
  );
  return {
    task,
    settings: settings ?? {},
    run,
    runners: [{ optimizer, hyper, schedule: schedule ?? null, decay_schedule: decay_schedule ?? null }],
  };
}

const presets = presetsOf(catalogue, "train").filter(({ view }) => tasks.has(view.task));
const details = /** @type {HTMLDetailsElement} */ (byId("form"));
const cards = mountCards(byId("presets"), presets, {
  start(preset) {
    choosePreset(preset);
    start.click();
  },
  change(preset) {
    choosePreset(preset);
    details.open = true;
    details.querySelector("summary")?.focus();
    details.scrollIntoView({ block: "start" });
  },
});
/** @param {import("../data/presets.mjs").Preset} preset */
function choosePreset(preset) {
  taskForm.forget();
  runForm.forget();
  apply(preset.view);
}
/** Runs that this machine has finished: how fast it is. @type {any[]} */
let measured = [];
/** Which preset the form still is, and how long each takes. */
function renderPresets() {
  const now = formText(store.get());
  cards.update(
    ({ view, seconds }) =>
      timeText(
        complete(requestsOf({ ...store.get(), ...formOf(view) }, options, catalogue), catalogue),
        measured,
        seconds,
      ),
    ({ view }) => formText(formOf(view)) === now,
  );
}
store.on(["task", "settings", "run", "runners", "vary"], renderPresets);
/** @param {string} id */
async function applyClone(id) {
  /** @type {any} */
  let run = null;
  let why = "was not trained here, so its form is not known";
  try {
    run = await get(`/api/runs/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    why = error.code === "unknown_run" ? "is not here any more" : `cannot be read (${error.message})`;
  }
  if (run?.kind === "train" && tasks.has(run.config?.task)) {
    apply(fromConfig(run.config));
    return;
  }
  byId("status").textContent = `The run ${run ? runName(run) : id} ${why}. This is the first experiment instead.`;
  byId("status").hidden = false;
  apply(presets[0]?.view);
}
const { clone } = viewOf("train", { clone: "" }, location.search);
const kept = keptForm(catalogue, { fresh: Boolean(clone) });
if (kept) store.set({ ...kept, runners: kept.runners.map((runner) => makeRunner(runner.optimizer, runner)) });
else if (clone) await applyClone(clone);
else if (presets[0]) apply(presets[0].view);
keepForm(store);
renderPresets();
details.open =
  Boolean(clone) || (kept !== null && !presets.some(({ view }) => formText(formOf(view)) === formText(store.get())));
get("/api/runs?status=finished&limit=200").then(({ runs }) => {
  measured = runs;
  renderPresets();
  renderStart();
});

// Task
const select = make(
  "select",
  { "aria-label": "Task" },
  ...catalogue.tasks.map((/** @type {any} */ task) =>
    make("option", { value: task.id, title: task.summary }, task.title),
  ),
);
select.addEventListener("change", () => choose(select.value));
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
    summary.textContent = declared ? `${declared.summary} Data: ${declared.data}.` : "";
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
const runForm = form({ properties: options }, (name, value) =>
  store.set({ run: { ...store.get().run, [name]: value } }),
);
byId("run-settings").append(...Object.values(runForm.elements));
function renderRun() {
  const { run, error } = store.get();
  runForm.update(run, error ? { [error.field]: error } : {});
}
store.on(["run", "error"], renderRun);
renderRun();

mountRunners(byId("runners"), store, catalogue, suggested, () => scheduleOf(tasks.get(store.get().task)));
mountVary(byId("vary"), store, catalogue, options);

// Start
const status = byId("status");
const start = /** @type {HTMLButtonElement} */ (byId("start"));
store.on(["task", "settings", "run", "runners", "vary"], renderStart);
function renderStart() {
  const requests = requestsOf(store.get(), options, catalogue);
  const runs = countOf(requests);
  const time = timeText(complete(requests, catalogue), measured);
  start.disabled = runs === 0 || runs > catalogue.limits.runs;
  start.textContent = runs > 1 ? `Start ${runs} runs` : "Start";
  byId("start-note").textContent =
    runs === 0
      ? "Add an optimizer, or choose an experiment above."
      : runs > catalogue.limits.runs
        ? `At most ${catalogue.limits.runs} runs can be started together.`
        : runs > 1
          ? `They run one after another on each device, and open side by side: ${time}.`
          : time;
}
renderStart();

addEventListener("pageshow", (event) => {
  if (event.persisted) renderStart(); // the page as it was left, on the way back from its runs
});
start.addEventListener("click", async () => {
  status.hidden = true;
  store.set({ error: null }, false);
  const wrong = firstWrong(byId("main"));
  if (wrong) {
    wrong.focus();
    return;
  }
  start.disabled = true;
  try {
    const { ids } = await post("/api/runs", requestsOf(store.get(), options, catalogue));
    location.href = under(ids.length > 1 ? `/runs?compare=${ids.join(",")}` : `/runs/${ids[0]}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    refuse(error);
    start.disabled = false;
  }
});

/** Shows what the server refused, at its field; nothing was started. @param {ApiError} error */
function refuse({ message, hint, field }) {
  const [, index = "", rest = ""] = /^(?:(\d+)\.)?(.*)$/.exec(field) ?? [];
  const own = /^(hyper|optimizer|schedule|decay_schedule)/.test(rest);
  store.set({ error: { message, hint, field: own ? `runs.${index || 0}.${rest}` : rest } });
  const title = titleOf(field, fieldsOf(store.get(), options, catalogue));
  status.textContent = [title && `${title}:`, message, hint].filter(Boolean).join(" ");
  status.hidden = false;
}
