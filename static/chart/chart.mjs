// One chart: declared by the server, filled with the runs' columns, linked to the common cursor.

import { make } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";
import { colour, textSize } from "../ui/theme.mjs";
import { placeEvents, sentencesAt } from "./events.mjs";
import { figureOf, isHeat } from "./figure.mjs";
import { leftOutText, lostText } from "./gaps.mjs";
import { keyOf, renderKey } from "./key.mjs";
import { placeLabels } from "./labels.mjs";
import { chartMenu } from "./menu.mjs";
import { nearestRun } from "./nearest.mjs";
import * as plot from "./plot.mjs";
import { followPointer } from "./pointer.mjs";
import { extremesOf, placeReadout } from "./readout.mjs";
import { settingsText } from "./settings-text.mjs";
import { absent, STATE } from "./traces.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * @typedef {import("../data/address.mjs").ChartView} ChartView
 * @typedef {{ id: string, title: string, caption: string, what: string, mathml: string, log_y: boolean, opening: boolean,
 *   about: string, figure: { data: any[], layout: any } }} Chart
 * @typedef {ReturnType<typeof figureOf>} Shown
 */

const GAPS_TOLD = 5; // in the sentence of a chart
const SETTLE_MS = 250; // after the last movement of a slider, until axes are drawn anew
const LONGEST_MS = 2000; // for which lines alone follow it

/**
 * @param {Chart} chart
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {(state: any) => Series[]} runsOf
 * @param {boolean} linked
 */
export function mountChart(chart, store, runsOf, linked) {
  const place = make("div", { class: "chart-plot" });
  const line = make("div", { class: "chart-cursor" });
  const labels = make("div", { class: "chart-labels", "aria-hidden": "true" });
  const events = make("div", { class: "chart-events" });
  const readout = make("div", { class: "chart-readout", hidden: true });
  const key = make("ul", { class: "chart-key", "aria-label": `Key of ${chart.title}` });
  const empty = make("p", { class: "chart-empty", hidden: true });
  const log = make("input", { type: "checkbox", onchange: () => patch({ log: log.checked }) });
  const choice = make("select", { "aria-label": "State", onchange: () => patch({ choice: choice.value }) });
  const heat = isHeat(chart);
  choice.hidden = !chart.figure.data.some((trace) => trace.meta.y.includes(STATE));
  const sentence = make("p", { class: "visually-hidden", role: "note" });
  const note = make("p", { class: "chart-note", hidden: true });
  const menu = chartMenu(chart, {
    /** The figure as it is now, what is drawn in it, and the runs with their marks. */
    shown: () => ({
      ...figure(),
      marked: byStep() ? shown.marked : [],
      x: byStep() ? "step" : store.get().x,
      settings: settingsText(store.get(), runsOf(store.get())),
    }),
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
    make("p", { class: "chart-caption" }, chart.caption),
    key,
    make("div", { class: "chart-body" }, place, events, line, labels, empty, sentence, readout),
    note,
  );

  /** @type {Shown} */
  let shown = {
    data: [],
    owners: [],
    drawn: [],
    bands: [],
    lost: [],
    bins: null,
    marked: [],
    names: 0,
    figure: { data: [], layout: {} },
  };
  let zoomed = false;
  let movingSince = 0; // when lines began to move without their axes; 0 where they do not
  let settling = 0;
  let inSight = false;
  let stale = true;
  let whole = true; // whether more than the lines has to be drawn
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

  /** Whether steps stand across; another column has neither cursor nor range in common with other charts. */
  const byStep = () => heat || !store.get().x;
  /** Whether the page is about the one run that is drawn. */
  const alone = () => chart.about === "run" && runsOf(store.get()).length < 2;

  function figure() {
    const state = store.get();
    const runs = runsOf(state);
    const x = byStep() ? "" : state.x;
    shown = figureOf(chart, {
      runs,
      others: linked ? state.visible.filter((/** @type {Series} */ run) => !runs.includes(run)) : [],
      range: state.range ?? [state.first ?? 0, state.steps],
      x,
      width: place.clientWidth,
      height: place.clientHeight,
      choices: {
        state: chooseState(runs),
        tensor: state.tensor ?? "",
        x,
        logarithmic: view().log && !heat,
        range: state.range,
        smoothing: state.smoothing,
        ground: colour("--ground"),
      },
    });
    return shown;
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

  /** Draws with the next frame; out of sight, when it comes in sight. @param {boolean} [anew]  axes and colours too @returns {Promise<void>} */
  function draw(anew = false) {
    whole ||= anew;
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
    draw(true);
  }

  async function paintOnce() {
    const made = figure();
    empty.textContent = whyEmpty(made.data);
    empty.hidden = !empty.textContent;
    const missing = absent(chart.figure.data, runsOf(store.get()), made.drawn);
    const leftOut = empty.hidden && view().log ? leftOutText(made.drawn) : "";
    note.textContent = [empty.hidden ? lostText(made.lost) : "", leftOut, missing].filter(Boolean).join(" ");
    note.hidden = !note.textContent;
    sentence.textContent = describe();
    // While a slider moves, lines follow at once, and the axes when it rests.
    clearTimeout(settling);
    const now = performance.now();
    const brief = !movingSince || now - movingSince < LONGEST_MS;
    if (!whole && brief && plot.sketch(place, made.figure)) {
      movingSince ||= now;
      settling = window.setTimeout(settle, SETTLE_MS);
      follow();
      return;
    }
    whole = false;
    movingSince = 0;
    await plot.draw(place, made.figure);
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
    const { drawn, lost } = shown;
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
    const { range, hover, step: held, steps, playing = false, focus = null } = store.get();
    const step = cursor(store.get());
    const px = at.x(step);
    const there = byStep() && px >= at.left - 1 && px <= at.right + 1;
    line.hidden = !there;
    line.style.transform = `translateX(${px}px)`;
    line.style.top = `${at.top}px`;
    line.style.height = `${at.bottom - at.top}px`;
    const { drawn, bands, marked, names, data, owners } = shown;
    renderKey(key, keyOf(drawn, bands), { alone: alone(), focus, bringOut });
    placeEvents(events, byStep() ? marked : [], at, textSize());
    placeLabels(labels, drawn, at, {
      width: names,
      size: textSize(),
      logarithmic: view().log,
      end: range?.[1] ?? Infinity,
    });
    plot.emphasise(
      place,
      data,
      owners.map((run) => focus === null || run?.runner.key === focus || !drawn.some(isFocus)),
    );
    const halted = hover !== null || (held >= 0 && held < steps && !playing);
    const asked = there && halted && (drawn.length > 0 || bands.length > 0);
    readout.hidden = !asked;
    if (asked) {
      const sentences = sentencesAt(marked, at.x, step);
      placeReadout(readout, at, { drawn, bands, step, sentences, focus, alone: alone() });
    }
    /** @param {import("./traces.mjs").Drawn} one */
    function isFocus(one) {
      return one.run.runner.key === focus;
    }
  }

  /** @param {number | null} focus  a runner's key */
  function bringOut(focus) {
    if ((store.get().focus ?? null) !== focus) store.set({ focus }, false);
  }

  function describe() {
    const { drawn, bands, marked } = shown;
    const ends = drawn.map(
      ({ run, label, values, steps }) =>
        `${run.label} ${label}: ${number(values[0])} at step ${steps[0]}, ${number(values.at(-1))} at step ${steps[steps.length - 1]}`,
    );
    const gaps = marked.flatMap(({ run, events }) =>
      events.filter(({ kind }) => kind === "gap").map(({ sentence }) => `${run.label}, ${sentence}`),
    );
    const extremes = extremesOf(bands, Infinity).map(({ run, text }) => `${run.label}: at the end ${text}.`);
    return [`${chart.title}.`, ends.length && `${ends.join("; ")}.`, ...extremes, ...gaps.slice(0, GAPS_TOLD)]
      .filter(Boolean)
      .join(" ");
  }

  followPointer(place, store, byStep);
  place.addEventListener("pointermove", (event) => {
    const at = plot.scales(place);
    const box = place.getBoundingClientRect();
    if (at && !event.buttons) bringOut(nearestRun(shown.drawn, at, event.clientX - box.left, event.clientY - box.top));
  });
  place.addEventListener("pointerleave", () => bringOut(null));
  const resized = new ResizeObserver(() => draw(true));
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
    /** The next drawing is of axes and colours too. */
    anew() {
      whole = true;
    },
    follow,
    remove() {
      clearTimeout(settling);
      disposed = true;
      resized.disconnect();
      sighted.disconnect();
      plot.clear(place);
    },
  };
}
