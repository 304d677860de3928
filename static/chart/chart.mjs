// One chart: declared by the server, filled with the runs' columns, linked to the common cursor.

import { make } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";
import { colour } from "../ui/theme.mjs";
import { axisFor } from "./axis.mjs";
import { markedRuns, placeEvents } from "./events.mjs";
import { leftOutText, lostText } from "./gaps.mjs";
import { placeLabels } from "./labels.mjs";
import { chartMenu } from "./menu.mjs";
import * as plot from "./plot.mjs";
import { followPointer } from "./pointer.mjs";
import { absent, bind, columnOf, STATE } from "./traces.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * @typedef {import("../data/address.mjs").ChartView} ChartView
 * @typedef {{ id: string, title: string, what: string, mathml: string, log_y: boolean, opening: boolean, about: string,
 *   figure: { data: any[], layout: any } }} Chart
 */

const MARGIN = { l: 52, r: 138, t: 6, b: 22 };
const NARROW = 116; // the right margin where labels need not name the run
const GAPS_TOLD = 5; // in the sentence of a chart
const SETTLE_MS = 350; // from one drawing of the axes to the next, while a slider moves

/**
 * @param {Chart} chart
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {(state: any) => Series[]} runsOf
 * @param {boolean} linked
 */
export function mountChart(chart, store, runsOf, linked) {
  const place = make("div", { class: "chart-plot" });
  const line = make("div", { class: "chart-cursor" });
  const labels = make("div", { class: "chart-labels" });
  const events = make("div", { class: "chart-events" });
  const empty = make("p", { class: "chart-empty", hidden: true });
  const log = make("input", { type: "checkbox", onchange: () => patch({ log: log.checked }) });
  const choice = make("select", { "aria-label": "State", onchange: () => patch({ choice: choice.value }) });
  const heat = chart.figure.data[0]?.type === "heatmap"; // with an axis of powers of two
  choice.hidden = !chart.figure.data.some((trace) => trace.meta.y.includes(STATE));
  const sentence = make("p", { class: "visually-hidden", role: "note" });
  const note = make("p", { class: "chart-note", hidden: true });
  const menu = chartMenu(chart, {
    /** The figure as it is now, what is drawn in it, and the runs with their marks. */
    shown: () => ({ figure: figure(), drawn, marked: byStep() ? marked : [], x: byStep() ? "step" : store.get().x }),
    remove: () => store.set({ charts: store.get().charts.filter((/** @type {ChartView} */ c) => c.id !== chart.id) }),
  });
  const element = make(
    "section",
    { class: "chart", "data-chart": chart.id, "aria-label": chart.title },
    make(
      "header",
      {},
      make("h3", {}, chart.title),
      choice,
      heat ? null : make("label", { class: "log" }, log, "log"),
      menu,
    ),
    make("div", { class: "chart-body" }, place, events, line, labels, empty, sentence),
    note,
  );

  /** What is drawn, line by line. @type {import("./traces.mjs").Drawn[]} */
  let drawn = [];
  /** Lines that have no finite value. @type {import("./traces.mjs").Drawn[]} */
  let lost = [];
  /** The runs with their marks. @type {import("./events.mjs").Marked[]} */
  let marked = [];
  let zoomed = false;
  let drawnAt = -Infinity;
  let settling = 0;
  let inSight = false;
  let stale = true;
  /** @type {Promise<void> | null} */
  let drawing = null;
  let disposed = false;

  const view = () =>
    /** @type {ChartView} */ (
      store.get().charts.find((/** @type {ChartView} */ c) => c.id === chart.id) ?? {
        id: chart.id,
        log: chart.log_y,
        choice: "",
      }
    );

  /** @param {Partial<ChartView>} change */
  function patch(change) {
    store.set({
      charts: store.get().charts.map((/** @type {ChartView} */ c) => (c.id === chart.id ? { ...c, ...change } : c)),
    });
  }

  function figure() {
    const state = store.get();
    const runs = runsOf(state);
    const { log: logarithmic } = view();
    const choices = {
      state: chooseState(runs),
      tensor: state.tensor ?? "",
      x: byStep() ? "" : state.x,
      logarithmic: logarithmic && !heat,
      range: state.range,
      smoothing: state.smoothing,
      ground: colour("--ground"),
    };
    const bound = bind(chart.figure, runs, choices);
    const { data } = bound;
    ({ drawn, lost } = bound);
    marked = markedRuns(runs, [...drawn, ...lost]);
    if (heat) return frame(data, powersOfTwo(bound.bins));
    /** @type {Series[]} */
    const others = linked ? state.visible.filter((/** @type {Series} */ run) => !runs.includes(run)) : [];
    element.style.setProperty("--labels", String(drawn.length));
    // One run that blew up must not flatten all others.
    const going = drawn.filter((one) => one.run.recording.outcome !== "diverged").map((one) => one.values);
    const own = !logarithmic && going.length ? going : data.map((trace) => trace.y);
    const spanned = [...own, ...others.flatMap((run) => shownColumns(run, choices))];
    return frame(data, plot.axis({ ...axisFor(spanned, logarithmic), fixedrange: true }));
  }

  /** @param {number[] | null} bins  in sight */
  function powersOfTwo(bins) {
    const written = { tickprefix: "2<sup>", ticksuffix: "</sup>" };
    return plot.axis({ range: bins ?? [-20, 0], nticks: 5, fixedrange: true, ...written });
  }

  /** Pixels beside the picture, for labels. */
  function labelled() {
    const width = chart.about === "run" && runsOf(store.get()).length < 2 ? NARROW : MARGIN.r;
    element.style.setProperty("--label-width", `${width - 10}px`);
    return width;
  }

  /** Whether steps stand across; another column has neither cursor nor range in common with other charts. */
  const byStep = () => heat || !store.get().x;

  /** @param {any[]} data @param {object} yaxis */
  function frame(data, yaxis) {
    const { range, first = 0, steps } = store.get();
    return {
      data,
      layout: plot.layout({
        width: place.clientWidth,
        height: place.clientHeight,
        margin: { ...MARGIN, r: labelled() },
        dragmode: "zoom",
        xaxis: plot.axis(
          byStep()
            ? { range: range ?? [first, steps], nticks: 6 }
            : {
                ...axisFor(
                  data.map((trace) => trace.x),
                  false,
                ),
                nticks: 6,
                fixedrange: true,
              },
        ),
        yaxis,
      }),
    };
  }

  /** @param {Series} run @param {import("./traces.mjs").Choices} choices */
  function shownColumns(run, choices) {
    return chart.figure.data.map((trace) => run.recording.columns[columnOf(trace, run, choices) ?? ""] ?? []);
  }

  /** @param {Series[]} runs */
  function chooseState(runs) {
    if (choice.hidden) return "";
    const states = [...new Set(runs.flatMap((run) => run.recording.states))];
    const wanted = view().choice;
    const chosen = states.includes(wanted) ? wanted : (states[0] ?? "");
    if (states.join() !== [...choice.options].map((o) => o.value).join())
      choice.replaceChildren(...states.map((s) => make("option", { value: s }, s)));
    choice.value = chosen;
    return chosen;
  }

  /** Draws with the next frame; out of sight, when it comes in sight. @returns {Promise<void>} */
  function draw() {
    log.checked = view().log;
    stale = true;
    if (!inSight || !store.get().result) return Promise.resolve(); // nothing to see, or not yet
    drawing ??= new Promise(requestAnimationFrame).then(paint).finally(() => {
      drawing = null;
    });
    return drawing;
  }

  async function paint() {
    // What comes in while Plotly draws (or is still being fetched) is drawn next.
    while (stale && !disposed && place.clientWidth > 0) {
      stale = false;
      await paintOnce();
    }
  }

  function settle() {
    settling = 0;
    draw();
  }

  async function paintOnce() {
    const made = figure();
    empty.textContent = whyEmpty(made.data);
    empty.hidden = !empty.textContent;
    const missing = absent(chart.figure.data, runsOf(store.get()), drawn);
    const leftOut = empty.hidden && view().log ? leftOutText(drawn) : "";
    note.textContent = [empty.hidden ? lostText(lost) : "", leftOut, missing].filter(Boolean).join(" ");
    note.hidden = !note.textContent;
    sentence.textContent = describe();
    // While a slider moves, lines follow at once and the axes every now and then.
    const since = performance.now() - drawnAt;
    if (since < SETTLE_MS && plot.sketch(place, made)) {
      if (!settling) settling = window.setTimeout(settle, SETTLE_MS - since);
      follow();
      return;
    }
    await plot.draw(place, made);
    drawnAt = performance.now();
    if (!zoomed) {
      zoomed = true;
      plot.onZoom(place, (range) =>
        store.set({
          range: range && [Math.max(range[0] ?? 0, store.get().first ?? 0), Math.min(range[1] ?? 0, store.get().steps)],
        }),
      );
    }
    follow();
  }

  /** Why there is nothing to see, if so. @param {any[]} data */
  function whyEmpty(data) {
    const low = drawn.length > 0 && drawn.every((one) => !one.values.some((value) => value > 0));
    const size = drawn.some((one) => one.values.some((value) => value < 0)) ? "0 or less" : "0";
    if (data.some((trace) => trace.x?.length)) {
      if (low && view().log) return `All of it is ${size}, which a logarithmic axis cannot show.`;
      const { x } = store.get();
      const nowhere = data.every((trace) => trace.x?.every((/** @type {unknown} */ at) => at === null));
      return nowhere && !byStep() ? `Where this was measured there is no ${x}, which stands across.` : "";
    }
    const broken = lostText(lost);
    if (broken) return broken;
    if (chart.about !== "run") return "No runner here has this.";
    const going = runsOf(store.get()).some((run) => !run.recording.about.finished);
    return going ? "Nothing of this is measured yet." : "Nothing of this was measured.";
  }

  function follow() {
    const at = inSight ? plot.scales(place) : null;
    if (!at) return;
    const step = cursor(store.get());
    const px = at.x(step);
    line.hidden = px < at.left - 1 || px > at.right + 1 || !byStep();
    line.style.transform = `translateX(${px}px)`;
    line.style.top = `${at.top}px`;
    line.style.height = `${at.bottom - at.top}px`;
    const { range, hover } = store.get();
    placeEvents(events, byStep() ? marked : [], at, { step, hovering: hover !== null || store.get().step >= 0 });
    placeLabels(labels, drawn, at, { step, logarithmic: view().log, end: range?.[1] ?? Infinity });
  }

  function describe() {
    const ends = drawn.map(
      ({ run, label, values, steps }) =>
        `${run.label} ${label}: ${number(values[0])} at step ${steps[0]}, ${number(values.at(-1))} at step ${steps[steps.length - 1]}`,
    );
    const gaps = marked.flatMap(({ run, events }) =>
      events.filter(({ kind }) => kind === "gap").map(({ sentence }) => `${run.label}, ${sentence}`),
    );
    return [`${chart.title}.`, ends.length && `${ends.join("; ")}.`, ...gaps.slice(0, GAPS_TOLD)]
      .filter(Boolean)
      .join(" ");
  }

  followPointer(place, store, byStep);
  const resized = new ResizeObserver(draw);
  resized.observe(place);
  const sighted = new IntersectionObserver(
    ([entry]) => {
      inSight = entry?.isIntersecting ?? false;
      if (inSight && stale) draw();
      else if (inSight) follow();
    },
    { rootMargin: "100px" },
  );
  sighted.observe(place);

  return {
    element,
    draw,
    follow,
    remove() {
      disposed = true;
      resized.disconnect();
      sighted.disconnect();
      plot.clear(place);
    },
  };
}
