// Keeps what the server computed in step with what the view asks for.

import { colourOf, stylesOf } from "../chart/series.mjs";
import { runnerName } from "../ui/names.mjs";
import { OWN } from "./address.mjs";
import { ApiError, latest, post } from "./api.mjs";
import { Recording } from "./recording.mjs";
import { wantedColumns } from "./wanted-columns.mjs";

const SETTLE_MS = 200; // after the last change, until what takes longer is asked for

/**
 * @typedef {import("./address.mjs").View} View
 * @typedef {import("./runner.mjs").Runner} Runner
 * @typedef {import("../chart/series.mjs").Series} Series
 * An answer as the store keeps it: each runner's recordings follow one another, one from each start; `view` is what
 * was asked for, and `serial` the request's number.
 * @typedef {{ recordings: Recording[], byRunner: Map<number, Recording>, view: View, serial: number, surface?: any }} Result
 */

/** The surface as requests name it. @param {View} view */
export function surfaceOf(view) {
  return view.surface === OWN ? { formula: view.formula } : { id: view.surface, params: view.params };
}

/**
 * The request that computes everything which the view shows.
 * @param {View} view
 * @param {{ box: number[], suggested?: { box: number[] } }} [surface]  where it is known
 */
export function trajectoriesRequest(view, surface) {
  const seen = view.box ?? surface?.suggested?.box;
  return {
    surface: surfaceOf(view),
    // Minima of penalised losses lie in the surface's own box; farther out they are looked for when somebody looks.
    ...(seen && surface && !inside(seen, surface.box) ? { box: seen } : {}),
    steps: view.steps,
    noise: view.noise,
    ...(view.clip ? { clip: view.clip } : {}),
    seed: view.seed,
    start: view.starts[0],
    runs: view.runners.flatMap((runner) => view.starts.map((start) => ({ ...runRequest(runner), start }))),
  };
}

/** Whether the cursor stands at the last step. @param {{ step: number, steps: number, hover?: number | null }} state */
function isAtEnd({ step, steps, hover = null }) {
  return hover === null ? step < 0 || step >= steps : hover >= steps;
}

/** Whether one box lies in another. @param {number[]} box @param {number[]} outer */
function inside([left = 0, right = 0, low = 0, high = 0], [farLeft = 0, farRight = 0, farLow = 0, farHigh = 0]) {
  return left >= farLeft && right <= farRight && low >= farLow && high <= farHigh;
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

/** Whether the minima of the loss that it descends, penalty and all, are still to be asked for. @param {Pick<Recording, "about">} recording */
function lacksMinima({ about }) {
  return about.decay?.kind === "coupled" && !about.minima;
}

/**
 * An answer without minima of penalised losses takes over those of the last one where they are the same.
 * @param {Result} result
 * @param {Result | null} before
 */
function keepMinima({ recordings, view }, before) {
  const place = (/** @type {View} */ asked) => JSON.stringify([surfaceOf(asked), asked.box]);
  if (!before || place(before.view) !== place(view)) return;
  for (const { about } of recordings) {
    const same = before.recordings.find(
      (one) => one.about.minima && one.about.decay.strength === about.decay?.strength,
    );
    if (lacksMinima({ about }) && same) about.minima = same.about.minima;
  }
}

/**
 * Fetches trajectories and grids whenever the fields change that they depend on, and writes into the store:
 * `asked` (the number of the newest request), `result`, `visible` (what is drawn), `grid`, `error` and `offline`.
 * The last good picture stays until a better one comes.
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {() => { box: number[], n: [number, number] }} gridShape  the box and resolution wanted now
 */
export function followTrajectories(store, catalogue, gridShape) {
  const fetchTrajectories = latest(
    (/** @type {{ view: View, columns: string[], minima: boolean, serial: number }} */ asked, signal) =>
      post(
        "/api/trajectories?dtype=f4",
        { ...requestOf(asked.view), columns: asked.columns, minima: asked.minima },
        signal,
      ),
    ({ runs, ...answer }, { view, columns, minima, serial: asked }) => {
      const recordings = runs.map(Recording.ofTrajectory);
      const result = { ...answer, recordings, byRunner: byRunner(view, recordings), view, serial: asked };
      if (!minima) keepMinima(result, store.get().result);
      store.set({ result, error: null, offline: false }, false);
      clearTimeout(settling);
      if (recordings.some(lacksMinima))
        settling = setTimeout(
          () => asked === serial && fetchTrajectories({ view, columns, minima: true, serial }),
          SETTLE_MS,
        );
    },
    (error, { view }) => fail(error, view),
  );
  const fetchGrid = latest(
    (/** @type {object} */ request, signal) => post("/api/surfaces/grid?dtype=f4", request, signal),
    (grid) => store.set({ grid }, false),
    (error) => fail(error, store.get()),
  );

  /** @param {unknown} error @param {View} view */
  function fail(error, view) {
    if (!(error instanceof ApiError)) throw error;
    const { field, message, hint, code } = error;
    if (code === "offline") store.set({ offline: true }, false);
    else store.set({ error: { field: runnerField(field, view), message, hint, code } }, false);
  }

  /** @param {View} view */
  function requestOf(view) {
    const { result } = store.get();
    const known = result?.surface && JSON.stringify(surfaceOf(result.view)) === JSON.stringify(surfaceOf(view));
    return trajectoriesRequest(view, known ? result.surface : undefined);
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let settling;
  let trajectoriesKey = "";
  let known = new Set(); // columns that the newest request asks for
  let serial = 0;
  function requestTrajectories() {
    const view = store.get();
    const key = JSON.stringify(requestOf(view));
    const columns = wantedColumns(view, view.panels, catalogue, isAtEnd(view));
    if (key === trajectoriesKey && columns.every((name) => known.has(name))) return;
    trajectoriesKey = key;
    known = new Set(columns);
    serial += 1;
    store.set({ asked: serial }, false);
    const minima = !store.get().result; // what is shown first is shown whole
    if (view.runners.length) fetchTrajectories({ view, columns, minima, serial });
    else store.set({ result: { recordings: [], byRunner: new Map(), view, serial } }, false);
  }

  let gridKey = "";
  function requestGrid() {
    const request = { surface: surfaceOf(store.get()), ...gridShape() };
    const key = JSON.stringify(request);
    if (key === gridKey) return;
    gridKey = key;
    fetchGrid(request);
  }

  function redraw() {
    const state = store.get();
    if (state.result) store.set({ visible: seriesOf(state.result, state, catalogue) }, false);
  }

  store.on(
    ["surface", "params", "formula", "starts", "steps", "noise", "seed", "clip", "runners", "box"],
    requestTrajectories,
  );
  store.on(["charts", "glyphs", "panels"], requestTrajectories);
  let atEnd = true;
  store.on(["step", "hover", "steps"], () => {
    const before = atEnd;
    atEnd = isAtEnd(store.get());
    if (before && !atEnd) requestTrajectories();
  });
  store.on(["surface", "params", "formula", "box"], requestGrid);
  store.on(["result", "runners", "solo"], redraw);
  requestTrajectories();
  return { requestGrid, redraw };
}
