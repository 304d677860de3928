// The form of the Train page as this tab keeps it: a reload, or the way back from the runs, brings it again.

const KEY = "optimscope-train";
const FIELDS = /** @type {const} */ (["task", "settings", "run", "runners", "vary"]);

/** The page's own address in the key: what was cloned is another form. */
const key = () => `${KEY}${location.search}`;

/** What the form says, for comparison: two of the same text start the same runs. @param {any} form */
export function formText({ task, settings, run, runners, vary }) {
  const told = runners.map((/** @type {any} */ { optimizer, hyper, schedule, decaySchedule }) => [
    optimizer,
    hyper,
    schedule,
    decaySchedule,
  ]);
  return JSON.stringify([task, settings, run, told, vary.path ? vary : null]);
}

/** Writes the form down, now and whenever it changes. @param {import("../data/store.mjs").Store<any>} store */
export function keepForm(store) {
  const write = () => {
    const state = store.get();
    sessionStorage.setItem(key(), JSON.stringify(Object.fromEntries(FIELDS.map((name) => [name, state[name]]))));
  };
  store.on([...FIELDS], write);
  write();
}

/**
 * The form that was kept; null where there is none, or where the server no longer has what it names.
 * @param {any} catalogue
 * @param {{ fresh: boolean }} options  `fresh`: a link that leads here means a form of its own
 * @returns {import("./train-request.mjs").Form | null}
 */
export function keptForm(catalogue, { fresh }) {
  if (fresh && arrived()) return null;
  const text = sessionStorage.getItem(key());
  return text ? readForm(text, catalogue) : null;
}

/** Whether a link or the address bar led here: no reload, no way back. */
function arrived() {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return entry?.type === "navigate";
}

/**
 * @param {string} text
 * @param {any} catalogue
 * @returns {import("./train-request.mjs").Form | null}
 */
export function readForm(text, catalogue) {
  const form = JSON.parse(text);
  const has = (/** @type {any[]} */ all, /** @type {string} */ id) => all.some((each) => each.id === id);
  const known =
    has(catalogue.tasks, form.task) &&
    form.runners.every((/** @type {any} */ runner) => has(catalogue.optimizers, runner.optimizer));
  return known ? form : null;
}
