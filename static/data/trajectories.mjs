// Keeps what the server computed in step with what the view asks for.

import { colourOf, stylesOf } from "../chart/series.mjs";
import { runnerName } from "../ui/names.mjs";
import { OWN } from "./address.mjs";
import { ApiError, latest, post } from "./api.mjs";
import { Recording } from "./recording.mjs";
import { wantedColumns } from "./wanted-columns.mjs";

/**
 * @typedef {import("./address.mjs").View} View
 * @typedef {import("./runner.mjs").Runner} Runner
 * @typedef {import("../chart/series.mjs").Series} Series
 * An answer as the store keeps it: each runner's recordings follow one another, one from each start; `view` is what
 * was asked for, and `serial` the request's number.
 * @typedef {{ recordings: Recording[], byRunner: Map<number, Recording>, view: View, serial: number, surface?: any }} Result
 */

// Whether a request names the columns that the page shows. Servers that do not know the field refuse it.
const NAMES_COLUMNS = false;

/** The surface as requests name it. @param {View} view */
export function surfaceOf(view) {
  return view.surface === OWN ? { formula: view.formula } : { id: view.surface, params: view.params };
}

/** The request that computes everything which the view shows. @param {View} view */
export function trajectoriesRequest(view) {
  return {
    surface: surfaceOf(view),
    steps: view.steps,
    noise: view.noise,
    seed: view.seed,
    start: view.starts[0],
    runs: view.runners.flatMap((runner) => view.starts.map((start) => ({ ...runRequest(runner), start }))),
  };
}

/** @param {Runner} runner */
function runRequest(runner) {
  return {
    optimizer: runner.optimizer,
    hyper: runner.hyper,
    ...(runner.schedule ? { schedule: runner.schedule } : {}),
    ...(runner.decaySchedule ? { decay_schedule: runner.decaySchedule } : {}),
  };
}

/**
 * Each runner's recording from the first start.
 * @param {Pick<View, "runners" | "starts">} view
 * @param {Recording[]} recordings
 */
export function byRunner({ runners, starts }, recordings) {
  return new Map(runners.map(({ key }, i) => [key, /** @type {Recording} */ (recordings[i * starts.length])]));
}

/**
 * The field path of a refusal with the runner's place in the list, not the run's in the request.
 * @param {string} field
 * @param {Pick<View, "starts">} view
 */
export function runnerField(field, { starts }) {
  return field.replace(/^runs\.(\d+)/, (_, run) => `runs.${Math.floor(Number(run) / starts.length)}`);
}

/**
 * What is drawn of a result: the runners that are still there and not hidden, with name, colour and dash.
 * @param {Result} result
 * @param {Pick<View, "runners" | "solo">} view
 * @param {any} catalogue
 * @returns {Series[]}
 */
export function seriesOf({ recordings, view: { runners: asked, starts } }, { runners, solo }, catalogue) {
  const ids = catalogue.optimizers.map((/** @type {any} */ o) => o.id);
  const styles = stylesOf(runners, ids);
  return recordings.flatMap((recording, i) => {
    const { key, optimizer } = /** @type {Runner} */ (asked[Math.floor(i / starts.length)]);
    const index = runners.findIndex((runner) => runner.key === key);
    const runner = runners[index];
    if (!runner || (solo ? solo !== key : runner.hidden)) return [];
    return [
      {
        recording,
        label: runnerName(index, runners, catalogue),
        colour: colourOf(styles[index]?.slot),
        dash: styles[index]?.dash ?? 0,
        start: i % starts.length,
        runner: { ...runner, optimizer },
      },
    ];
  });
}

/**
 * Fetches trajectories and grids whenever the fields change that they depend on, and writes into the store:
 * `asked` (the number of the newest request), `result`, `visible` (what is drawn), `grid`, `penalised` (minima by
 * runner), `error` and `offline`.
 * The last good picture stays until a better one comes.
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {() => { box: number[], n: [number, number] }} gridShape  the box and resolution wanted now
 */
export function followTrajectories(store, catalogue, gridShape) {
  const fetchTrajectories = latest(
    (/** @type {{ view: View, columns: string[], serial: number }} */ { view, columns }, signal) =>
      post(
        "/api/trajectories?dtype=f4",
        { ...trajectoriesRequest(view), ...(NAMES_COLUMNS ? { columns } : {}) },
        signal,
      ),
    ({ runs, ...answer }, { view, serial }) => {
      const recordings = runs.map(Recording.ofTrajectory);
      const result = { ...answer, recordings, byRunner: byRunner(view, recordings), view, serial };
      store.set({ result, error: null, offline: false }, false);
    },
    (error, { view }) => fail(error, view),
  );
  const fetchGrid = latest(
    (/** @type {object} */ request, signal) => post("/api/surfaces/grid?dtype=f4", request, signal),
    (grid) => store.set({ grid }, false),
    (error) => fail(error, store.get()),
  );
  const fetchMinima = latest(
    (/** @type {Map<number, object>} */ requests, signal) =>
      Promise.all(
        [...requests].map(
          async ([key, request]) => /** @type {const} */ ([key, await post("/api/surfaces/grid", request, signal)]),
        ),
      ),
    (answers) =>
      store.set({ penalised: new Map(answers.map(([key, answer]) => [key, answer.penalised?.minima ?? []])) }, false),
    (error) => fail(error, store.get()),
  );

  /** @param {unknown} error @param {View} view */
  function fail(error, view) {
    if (!(error instanceof ApiError)) throw error;
    const { field, message, hint, code } = error;
    if (code === "offline") store.set({ offline: true }, false);
    else store.set({ error: { field: runnerField(field, view), message, hint, code } }, false);
  }

  let trajectoriesKey = "";
  let known = new Set(); // columns that the newest request asks for
  let serial = 0;
  function requestTrajectories() {
    const view = store.get();
    const key = JSON.stringify(trajectoriesRequest(view));
    const columns = NAMES_COLUMNS ? wantedColumns(view, view.panels, catalogue) : [];
    if (key === trajectoriesKey && columns.every((name) => known.has(name))) return;
    trajectoriesKey = key;
    known = new Set(columns);
    serial += 1;
    store.set({ asked: serial }, false);
    if (view.runners.length) fetchTrajectories({ view, columns, serial });
    else store.set({ result: { recordings: [], byRunner: new Map(), view, serial } }, false);
  }

  let gridKey = "";
  function requestGrid() {
    const request = { surface: surfaceOf(store.get()), ...gridShape() };
    const key = JSON.stringify(request);
    if (key === gridKey) return;
    gridKey = key;
    fetchGrid(request);
    requestMinima();
  }

  let minimaKey = "";
  /** Where decay is coupled the rule descends the penalised loss; its minima need no fine grid. */
  function requestMinima() {
    const view = store.get();
    /** @type {Map<number, object>} */
    const requests = new Map();
    for (const [key, recording] of view.result?.byRunner ?? []) {
      const { kind, strength } = recording.about.decay;
      if (kind !== "coupled") continue;
      requests.set(key, { surface: surfaceOf(view), box: gridShape().box, n: 2, weight_decay: strength });
    }
    const key = JSON.stringify([...requests]);
    if (key === minimaKey) return;
    minimaKey = key;
    fetchMinima(requests);
  }

  function redraw() {
    const state = store.get();
    if (state.result) store.set({ visible: seriesOf(state.result, state, catalogue) }, false);
  }

  store.on(["surface", "params", "formula", "starts", "steps", "noise", "seed", "runners"], requestTrajectories);
  store.on(["charts", "glyphs", "panels"], requestTrajectories);
  store.on(["surface", "params", "formula", "box"], requestGrid);
  store.on(["result"], requestMinima);
  store.on(["result", "runners", "solo"], redraw);
  requestTrajectories();
  return { requestGrid, redraw };
}
