// Keeps what the server computed in step with what the view asks for.

import { looks } from "../chart/series.mjs";
import { runnerName } from "../ui/names.mjs";
import { OWN } from "./address.mjs";
import { ApiError, latest, post } from "./api.mjs";

/**
 * @typedef {import("./address.mjs").View} View
 * @typedef {import("./address.mjs").Runner} Runner
 * @typedef {import("../surface/marks.mjs").Run} Run
 */

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
 * Fetches runs and grids whenever the fields change that they depend on, and writes into the store:
 * `asked` (the number of the newest request), `result` (the answer, with `byRunner` and the request's
 * number as `serial`), `visible` (the runs to draw), `grid`, `penalised` (minima by
 * runner), `error` and `offline`.
 * The last good picture stays until a better one comes.
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {() => { box: number[], n: [number, number] }} gridShape  the box and resolution wanted now
 */
export function startSession(store, catalogue, gridShape) {
  const ids = catalogue.optimizers.map((/** @type {any} */ o) => o.id);

  const askRuns = latest(
    (/** @type {{ view: View, serial: number }} */ { view }, signal) =>
      post("/api/trajectories?dtype=f4", trajectoriesRequest(view), signal),
    (answer, { view, serial }) => {
      const perRunner = view.starts.length;
      const byRunner = new Map(view.runners.map((runner, i) => [runner.key, answer.runs[i * perRunner]]));
      store.set({ result: { ...answer, byRunner, view, serial }, error: null, offline: false }, false);
    },
    (error, { view }) => fail(error, view),
  );
  const askGrid = latest(
    (/** @type {object} */ request, signal) => post("/api/surfaces/grid?dtype=f4", request, signal),
    (grid) => store.set({ grid }, false),
    (error) => fail(error, store.get()),
  );
  const askMinima = latest(
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
    if (error.code === "offline") store.set({ offline: true }, false);
    else
      store.set(
        { error: { ...ownField(error, view), message: error.message, hint: error.hint, code: error.code } },
        false,
      );
  }

  /** The field path with the runner's place in the list, not the run's in the request. @param {ApiError} error @param {View} view */
  function ownField(error, view) {
    const field = error.field.replace(
      /^runs\.(\d+)/,
      (_, run) => `runs.${Math.floor(Number(run) / view.starts.length)}`,
    );
    return { field };
  }

  let runsKey = "";
  let serial = 0;
  function requestRuns() {
    const view = store.get();
    const key = JSON.stringify(trajectoriesRequest(view));
    if (key === runsKey) return;
    runsKey = key;
    serial += 1;
    store.set({ asked: serial }, false);
    if (view.runners.length) askRuns({ view, serial });
    else store.set({ result: { runs: [], byRunner: new Map(), view, serial } }, false);
  }

  let gridKey = "";
  function requestGrid() {
    const request = { surface: surfaceOf(store.get()), ...gridShape() };
    const key = JSON.stringify(request);
    if (key === gridKey) return;
    gridKey = key;
    askGrid(request);
    requestMinima();
  }

  let minimaKey = "";
  /** Where decay is coupled the rule descends the penalised loss; its minima need no fine grid. */
  function requestMinima() {
    const view = store.get();
    /** @type {Map<number, object>} */
    const requests = new Map();
    for (const [key, answer] of view.result?.byRunner ?? []) {
      if (answer.decay.kind !== "coupled") continue;
      requests.set(key, { surface: surfaceOf(view), box: gridShape().box, n: 2, weight_decay: answer.decay.strength });
    }
    const key = JSON.stringify([...requests]);
    if (key === minimaKey) return;
    minimaKey = key;
    askMinima(requests);
  }

  /** The runs to draw now: computed, not hidden, dressed in colour, dash and name. */
  function dress() {
    const { result, runners, solo } = store.get();
    if (!result?.view) return;
    const dressed = looks(runners, ids);
    /** @type {Run[]} */
    const visible = [];
    result.runs.forEach((/** @type {any} */ answer, /** @type {number} */ at) => {
      const asked = result.view.runners[Math.floor(at / result.view.starts.length)];
      const index = runners.findIndex((/** @type {Runner} */ r) => r.key === asked.key);
      const runner = runners[index];
      if (!runner || (solo ? solo !== runner.key : runner.hidden)) return;
      const look = dressed[index];
      visible.push({
        label: runnerName(index, runners, catalogue),
        colour: look?.colour ?? "",
        dash: look?.dash ?? 0,
        start: at % result.view.starts.length,
        runner: { ...runner, optimizer: asked.optimizer },
        outcome: answer.outcome,
        reason: answer.reason,
        columns: answer.columns,
        answer,
      });
    });
    store.set({ visible }, false);
  }

  store.on(["surface", "params", "formula", "starts", "steps", "noise", "seed", "runners"], requestRuns);
  store.on(["surface", "params", "formula", "box"], requestGrid);
  store.on(["result"], requestMinima);
  store.on(["result", "runners", "solo"], dress);
  requestRuns();
  return { requestGrid, redress: dress };
}
