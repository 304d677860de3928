// Training runs in the browser: stored columns, then the stream; both only for what is shown.

import { chartOf } from "../chart/own.mjs";
import { colourOf, FEW_RUNS, stylesOf } from "../chart/series.mjs";
import { runLabels } from "../ui/names.mjs";
import { ApiError, get, openStream } from "./api.mjs";
import { Recording, tensorsOf } from "./recording.mjs";

const POINTS = 600; // of each column, of the stored part
const FEW = 120; // the same, of the faint lines of every tensor
const ZOOMED = 1000; // and of a range that is looked at closely
const QUEUE_MS = 5000; // between two questions where runs stand in the queue: no event tells that it moves
const REDRAW_MS = 150; // between pictures while frames come in
const ALWAYS = ["loss", "lr", "weight_decay", "path_*", "boundary"];
// Of every tensor, whatever the charts: the table of a run's tensors, and the sentence on several runs, tell them.
const TABLE = ["weight_norm", "effective_lr_median", "effective_decay"];
const SENTENCE = ["effective_decay"];

/**
 * Follows runs and keeps in the store: `runs` (as the server tells them), `visible` (as charts draw
 * them), `missing` (ids of those that are not there), `first` and last step (`steps`), `connected` and `error`. Reads the fields `charts`, `tensor`, `x` and `range`.
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {string[]} wantedIds
 */
export function followRuns(store, catalogue, wantedIds) {
  let ids = wantedIds;
  const optimizers = catalogue.optimizers.map((/** @type {any} */ o) => o.id);
  /** @type {Map<string, Recording>} */
  const data = new Map();
  let close = () => {};
  let shown = false;
  let complete = false; // whether the columns of every tensor are here
  let wantedNow = "";
  let redraw = 0;
  let asked = 0; // descriptions, so far
  /** The newest question for each run's description that was answered. @type {Map<string, number>} */
  const answered = new Map();
  /** Runs whose description was fetched because frames came before it. @type {Set<string>} */
  const begun = new Set();

  /** Patterns of the columns that are shown: of every tensor, and single ones. */
  function wanted() {
    const { charts, tensor, x } = store.get();
    const all = new Set((ids.length > 1 ? SENTENCE : TABLE).map((metric) => `*/${metric}`));
    const own = new Set(x ? [...ALWAYS, x] : ALWAYS);
    const chosen = [...new Set([...data.values()].map((one) => chosenOf(one, tensor)))];
    for (const view of charts) {
      const chart = chartOf(view.id, catalogue);
      for (const { y } of (chart?.figure.data ?? []).map((/** @type {any} */ trace) => trace.meta)) {
        if (y.includes("{each}")) {
          if (ids.length <= FEW_RUNS) all.add(y.replace("{each}", "*"));
        } else if (tensor || !y.endsWith("_hist")) for (const name of chosen) own.add(y.replace("{tensor}", name));
      }
    }
    return { all: [...all].sort().join(","), own: [...own].sort().join(",") };
  }

  /** The tensor whose lines are strong: the chosen one, else the run's first. @param {Recording} one @param {string} tensor */
  function chosenOf(one, tensor) {
    const names = tensorsOf(one.about, Object.keys(one.about.columns ?? {}));
    return (names.includes(tensor) ? tensor : names[0]) ?? "*";
  }

  async function load() {
    try {
      if (!data.size) await describeAll();
      if (!data.size) return;
      const columns = wanted();
      const key = `${columns.all},${columns.own}`;
      if (key === wantedNow) return;
      wantedNow = key;
      close();
      const own = fetchEach(columns.own, POINTS);
      if (!shown) {
        // The charts' own lines first, then what only the table and the sentence tell.
        const lines = await own;
        if (key !== wantedNow) return; // somebody chose something else meanwhile
        take([lines]);
        show();
      }
      const answers = await Promise.all([own, fetchEach(columns.all, FEW)]);
      if (key !== wantedNow) return;
      take(answers);
      complete = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      store.set({ error }, false);
      return;
    }
    show();
    watch();
  }

  /** Opens the stream of all runs that are there. */
  function watch() {
    const watched = ids.filter((id) => !isGone(id));
    if (!watched.length) return;
    close = openStream(
      watched.join(","),
      { after: watched.map((id) => `${id}:${data.get(id)?.nextSeq ?? 0}`).join(","), columns: `step,${wantedNow}` },
      {
        onFrame(frame) {
          const one = data.get(frame.run);
          one?.append(frame);
          if (one && !one.about.tensors?.length && !begun.has(frame.run)) {
            begun.add(frame.run); // the producer tells of its tensors before its first frame
            refreshInfo(frame.run);
          }
          later();
        },
        onState(state) {
          const known = data.get(state.id);
          if (!known || !differs(state, known.about)) return;
          const changed = state.status !== known.about.status;
          known.about = { ...known.about, ...state };
          if (changed) refreshInfo(state.id);
          later();
        },
        onConnection: (connected) => store.set({ connected }, false),
        async onRefused(error) {
          if (error.code === "unknown_run") await Promise.all(watched.map(refreshInfo));
          if (watched.some(isGone))
            watch(); // deleted meanwhile: the others go on
          else store.set({ error }, false);
        },
      },
    );
  }

  /** @param {string} id */
  function isGone(id) {
    return data.get(id)?.about.status === "deleted";
  }

  /** Asks for all descriptions; those that are not there are left out from now on. */
  async function describeAll() {
    const found = await Promise.all(ids.map(async (id) => /** @type {const} */ ([id, await describe(id)])));
    const missing = found.filter(([, about]) => !about).map(([id]) => id);
    ids = ids.filter((id) => !missing.includes(id));
    for (const [id, about] of found) if (about) data.set(id, new Recording(about));
    if (missing.length) store.set({ missing }, false);
  }

  /** A run as the server tells it; null if it is not there. @param {string} id */
  async function describe(id) {
    try {
      return await get(`/api/runs/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error instanceof ApiError && error.code === "unknown_run") return null;
      throw error;
    }
  }

  /**
   * What every run has of these columns, in the order of the runs.
   * @param {string} columns @param {number} points @param {number[]} [range]
   * @returns {Promise<any[]>}
   */
  function fetchEach(columns, points, range) {
    const part = range ? { from: String(Math.floor(range[0] ?? 0)), to: String(Math.ceil(range[1] ?? 0)) } : {};
    const query = new URLSearchParams({ columns, points: String(points), ...part });
    return Promise.all(ids.map((id) => get(`/api/runs/${encodeURIComponent(id)}/frames?${query}`)));
  }

  /** Makes these answers what is known of the runs. @param {any[][]} answers  of each question, by run */
  function take(answers) {
    for (const [i, id] of ids.entries()) data.get(id)?.load(answers.map((each) => each[i]));
  }

  /** @param {string} id */
  async function refreshInfo(id) {
    const serial = ++asked;
    const about = await describe(id).catch(() => undefined);
    const known = data.get(id);
    if (about === undefined || !known || serial < (answered.get(id) ?? 0)) return;
    answered.set(id, serial);
    known.about = about ?? { ...known.about, status: "deleted" };
    later();
  }

  /** Where the view is zoomed, fetches that part in full detail. */
  async function zoom() {
    const { range } = store.get();
    if (!range) {
      for (const one of data.values()) one.loadDetail([]);
      show();
      return;
    }
    const columns = wanted();
    const closer = await Promise.all([fetchEach(columns.all, FEW, range), fetchEach(columns.own, ZOOMED, range)]);
    if (range !== store.get().range) return; // somebody zoomed on meanwhile
    for (const [i, id] of ids.entries()) {
      const answers = closer.map((each) => each[i]);
      data.get(id)?.loadDetail(answers);
    }
    show();
  }

  function later() {
    if (redraw) return;
    redraw = window.setTimeout(() => {
      redraw = 0;
      show();
    }, REDRAW_MS);
  }

  function show() {
    shown = true;
    const all = ids.flatMap((id) => data.get(id) ?? []);
    const told = all.map((one) => one.about);
    const styles = stylesOf(told, optimizers, true);
    const labels = runLabels(told, catalogue);
    const visible = all.map((recording, i) => ({
      recording,
      label: labels[i] ?? "",
      colour: colourOf(styles[i]?.slot),
      dash: styles[i]?.dash ?? 0,
      start: 0,
      runner: { key: i + 1 },
      complete,
    }));
    const steps = all.reduce((most, one) => Math.max(most, one.lastStep, one.about.step ?? 0), 1);
    const earliest = all.reduce((least, one) => Math.min(least, one.about.first_step ?? Infinity), Infinity);
    const first = earliest > 1 && earliest < steps ? earliest : 0; // step 1 leads from 0, where weights are made
    store.set({ visible, runs: told, first, steps, result: { serial: Date.now() } }, false);
  }

  window.setInterval(() => {
    if (document.hidden) return;
    for (const [id, one] of data) if (one.about.status === "queued") refreshInfo(id);
  }, QUEUE_MS);
  store.on(["charts", "tensor", "x"], load);
  store.on(["range"], zoom);
  load();
  return { redraw: show, refresh: () => Promise.all(ids.map(refreshInfo)) };
}

/** Whether a state says anything new. @param {any} state @param {any} about */
function differs(state, about) {
  return Object.entries(state).some(([name, value]) => JSON.stringify(value) !== JSON.stringify(about[name]));
}
