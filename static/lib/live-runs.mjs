// Training runs in the browser: stored columns, then the stream; both only for what is shown.

import { ApiError, get } from "./api.mjs";
import { RunData } from "./run-data.mjs";
import { looks } from "./series.mjs";
import { openStream } from "./stream.mjs";

const POINTS = 600; // of each column, of the stored part
const REDRAW_MS = 150; // between pictures while frames come in
const ALWAYS = ["loss", "lr", "weight_decay", "path_*", "boundary"];

/**
 * Follows `ids` and keeps in the store: `runs` (as the server tells them), `visible` (as charts draw
 * them), `steps`, `connected` and `error`. Reads the fields `charts`, `tensor` and `range`.
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {string[]} ids
 */
export function followRuns(store, catalogue, ids) {
  const optimizers = catalogue.optimizers.map((/** @type {any} */ o) => o.id);
  /** @type {Map<string, RunData>} */
  const data = new Map();
  let close = () => {};
  let wantedNow = "";
  let redraw = 0;

  /** Patterns of the columns that the open charts and the chosen tensor need. */
  function wanted() {
    const { charts, tensor } = store.get();
    const names = new Set(ALWAYS);
    for (const view of charts) {
      const chart = catalogue.charts.find((/** @type {any} */ c) => c.id === view.id);
      for (const trace of chart?.figure.data ?? []) {
        names.add(trace.meta.y.replace("{each}", "*").replace("{tensor}", tensor || "*"));
      }
    }
    return [...names]
      .filter((name) => tensor || !name.endsWith("_hist"))
      .sort()
      .join(",");
  }

  async function load() {
    const columns = wanted();
    if (columns === wantedNow) return;
    wantedNow = columns;
    close();
    try {
      await Promise.all(ids.map((id) => loadOne(id, columns)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      store.set({ error }, false);
      return;
    }
    if (columns !== wantedNow) return; // somebody chose something else meanwhile
    show();
    const after = ids.map((id) => `${id}:${data.get(id)?.nextSeq ?? 0}`).join(",");
    close = openStream(
      ids.join(","),
      { after, columns: `step,${columns}` },
      {
        onFrame(frame) {
          data.get(frame.run)?.append(frame);
          later();
        },
        onState(state) {
          const known = data.get(state.id);
          if (!known) return;
          const ended = state.finished && !known.info.finished;
          known.info = { ...known.info, ...state };
          if (ended || !known.info.tensors?.length) refreshInfo(state.id);
          later();
        },
        onConnection: (connected) => store.set({ connected }, false),
      },
    );
  }

  /** @param {string} id @param {string} columns */
  async function loadOne(id, columns) {
    const query = new URLSearchParams({ columns, points: String(POINTS) });
    const [info, frames] = await Promise.all([get(`/api/runs/${id}`), get(`/api/runs/${id}/frames?${query}`)]);
    const one = new RunData(info);
    one.load(frames);
    data.set(id, one);
  }

  /** @param {string} id */
  async function refreshInfo(id) {
    const info = await get(`/api/runs/${id}`).catch(() => null);
    const known = data.get(id);
    if (!info || !known) return;
    known.info = info;
    later();
  }

  /** Where the view is zoomed, fetches that part in full detail. */
  async function zoom() {
    const { range } = store.get();
    const columns = wantedNow;
    if (!range) {
      for (const one of data.values()) one.detail.clear();
      show();
      return;
    }
    await Promise.all(
      ids.map(async (id) => {
        const query = new URLSearchParams({
          columns,
          points: "1000",
          from: String(Math.floor(range[0])),
          to: String(Math.ceil(range[1])),
        });
        data.get(id)?.load(await get(`/api/runs/${id}/frames?${query}`), true);
      }),
    );
    if (range === store.get().range) show();
  }

  function later() {
    if (redraw) return;
    redraw = window.setTimeout(() => {
      redraw = 0;
      show();
    }, REDRAW_MS);
  }

  function show() {
    const all = ids.flatMap((id) => data.get(id) ?? []);
    const dressed = looks(
      all.map((one) => /** @type {any} */ ({ optimizer: one.info.optimizer, colour: -1, dash: -1 })),
      optimizers,
    );
    // Runs of different optimizers are told apart by these; others by the names that people gave them.
    const titles = all.map(
      (one) =>
        catalogue.optimizers.find((/** @type {any} */ o) => o.id === one.info.optimizer)?.title ?? one.info.optimizer,
    );
    const names = new Set(titles).size === all.length ? titles : all.map((one) => one.info.name || one.info.id);
    const visible = all.map((one, i) => ({
      label: names.filter((name) => name === names[i]).length > 1 ? `${names[i]} ${i + 1}` : names[i],
      colour: dressed[i]?.colour,
      dash: dressed[i]?.dash,
      start: 0,
      runner: { key: i + 1 },
      outcome: one.info.outcome,
      reason: one.info.reason,
      ...one.view(),
      tensors: one.tensors,
      answer: { states: [] },
      info: one.info,
      events: one.events,
    }));
    const steps = Math.max(1, ...all.map((one) => Math.max(one.lastStep, one.info.step ?? 0)));
    store.set({ visible, runs: all.map((one) => one.info), steps, result: { serial: Date.now() } }, false);
  }

  store.on(["charts", "tensor"], load);
  store.on(["range"], zoom);
  load();
  return { redraw: show, refresh: () => Promise.all(ids.map(refreshInfo)) };
}
