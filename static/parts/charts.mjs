// The linked charts: declared by the server, filled with the runs' columns, one cursor for all.

import { make, math } from "../lib/dom.mjs";
import { number } from "../lib/format.mjs";
import * as plot from "../lib/plot.mjs";
import { DASHES } from "../lib/series.mjs";
import { onThemeChange } from "../lib/theme.mjs";
import { download } from "./download.mjs";
import { cursor } from "./player.mjs";

/**
 * @typedef {import("./marks.mjs").Run} Run
 * @typedef {import("../lib/view.mjs").ChartView} ChartView
 * @typedef {{ id: string, title: string, what: string, mathml: string, log_y: boolean, opening: boolean,
 *   figure: { data: any[], layout: any } }} Chart
 */

const MAX_POINTS = 500;
const MARGIN = { l: 52, r: 138, t: 6, b: 22 };
const LABEL_HEIGHT = 14;
const STATE = "{state}";

/**
 * @param {HTMLElement} root
 * @param {import("../lib/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {{ runs?: (state: any) => Run[], linked?: boolean, only?: string, except?: string }} [options]
 *   which runs these charts show (the visible ones), whether their vertical axes span all visible runs,
 *   and the one chart that alone is shown, or is not, whatever the view says
 */
export function mountCharts(root, store, catalogue, options = {}) {
  const runsOf = options.runs ?? ((state) => state.visible.filter((/** @type {Run} */ run) => run.start === 0));
  const byId = new Map(catalogue.charts.map((/** @type {Chart} */ c) => [c.id, c]));
  const list = make("div", { class: "chart-list" });
  root.append(list);
  /** @type {Map<string, ReturnType<typeof mountChart>>} */
  const cards = new Map();

  function arrange() {
    const wanted = /** @type {ChartView[]} */ (store.get().charts).filter(
      ({ id }) => byId.has(id) && id !== options.except && (!options.only || id === options.only),
    );
    /** @type {HTMLElement | undefined} */
    let added;
    const elements = wanted.map((view) => {
      let card = cards.get(view.id);
      if (!card) {
        card = mountChart(/** @type {Chart} */ (byId.get(view.id)), store, runsOf, options.linked ?? false);
        cards.set(view.id, card);
        if (list.children.length) added = card.element;
      }
      return card.element;
    });
    for (const [id, card] of cards) {
      if (wanted.some((view) => view.id === id)) continue;
      card.remove();
      cards.delete(id);
    }
    if (elements.length !== list.children.length || elements.some((e, i) => e !== list.children[i]))
      list.replaceChildren(...elements);
    added?.scrollIntoView({ block: "nearest" });
    redraw();
  }

  async function redraw() {
    const { result } = store.get();
    await Promise.all([...cards.values()].map((card) => card.draw()));
    if (result) root.dataset.drawn = String(result.serial);
  }
  function follow() {
    for (const card of cards.values()) card.follow();
  }

  store.on(["charts"], arrange);
  store.on(["visible", "range"], redraw);
  store.on(["step", "hover", "steps"], follow);
  onThemeChange(redraw);
  arrange();
  return { redraw };
}

/**
 * The menu that adds a chart.
 * @param {HTMLElement} root
 * @param {import("../lib/store.mjs").Store<any>} store
 * @param {any} catalogue
 */
export function mountAddChart(root, store, catalogue) {
  const add = make("select", { "aria-label": "Add a chart" });
  root.append(add);
  add.addEventListener("change", () => {
    const chart = catalogue.charts.find((/** @type {Chart} */ c) => c.id === add.value);
    if (chart) store.set({ charts: [...store.get().charts, { id: chart.id, log: chart.log_y, choice: "" }] });
  });
  function render() {
    const shown = new Set(store.get().charts.map((/** @type {ChartView} */ c) => c.id));
    const rest = catalogue.charts.filter((/** @type {Chart} */ c) => !shown.has(c.id));
    add.replaceChildren(
      make("option", { value: "" }, rest.length ? "Add a chart…" : "All charts are shown"),
      ...rest.map((/** @type {Chart} */ c) => make("option", { value: c.id, title: c.what }, c.title)),
    );
    add.value = "";
  }
  store.on(["charts"], render);
  render();
}

/**
 * @param {Chart} chart
 * @param {import("../lib/store.mjs").Store<any>} store
 * @param {(state: any) => Run[]} runsOf
 * @param {boolean} linked
 */
function mountChart(chart, store, runsOf, linked) {
  const place = make("div", { class: "chart-plot" });
  const line = make("div", { class: "chart-cursor" });
  const labels = make("div", { class: "chart-labels" });
  const empty = make("p", { class: "chart-empty", hidden: true }, "No runner here has this.");
  const log = make("input", { type: "checkbox", onchange: () => patch({ log: log.checked }) });
  const choice = make("select", { "aria-label": "State", onchange: () => patch({ choice: choice.value }) });
  choice.hidden = !chart.figure.data.some((trace) => trace.meta.y.includes(STATE));
  const sentence = make("p", { class: "visually-hidden", role: "note" });
  const menu = make(
    "details",
    { class: "menu" },
    make("summary", { "aria-label": `Menu of ${chart.title}` }, "⋯"),
    make(
      "div",
      { class: "menu-items" },
      make("button", { type: "button", onclick: () => save("png") }, "Save as PNG"),
      make("button", { type: "button", onclick: () => save("svg") }, "Save as SVG"),
      make("button", { type: "button", onclick: saveCsv }, "Save as CSV"),
      make(
        "button",
        {
          type: "button",
          onclick: () =>
            store.set({ charts: store.get().charts.filter((/** @type {ChartView} */ c) => c.id !== chart.id) }),
        },
        "Remove",
      ),
      make(
        "div",
        { class: "what" },
        make("strong", {}, "What is this?"),
        make("p", {}, chart.what),
        math(chart.mathml),
      ),
    ),
  );
  const element = make(
    "section",
    { class: "chart", "data-chart": chart.id, "aria-label": chart.title },
    make("header", {}, make("h3", {}, chart.title), choice, make("label", { class: "log" }, log, "log"), menu),
    make("div", { class: "chart-body" }, place, line, labels, empty, sentence),
  );

  /** What is drawn: a trace each, with the run and column that it shows. @type {{ run: Run, column: string, label: string, values: Float32Array }[]} */
  let drawn = [];
  let zoomed = false;
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
    const chosen = chooseState(runs);
    drawn = [];
    const data = runs.flatMap((run) =>
      chart.figure.data.flatMap((trace) => {
        const column = trace.meta.y.replace(STATE, chosen);
        const values = run.columns[column];
        const steps = run.columns.step;
        if (!values || !steps || !values.some(Number.isFinite)) return [];
        drawn.push({ run, column, label: trace.meta.label, values });
        const rows = thin(values, state.range);
        const own = trace.line?.dash ?? "solid";
        return [
          {
            type: "scatter",
            mode: "lines",
            x: rows.map((i) => /** @type {number} */ (steps[i])),
            y: rows.map((i) => (logarithmic ? Math.abs(/** @type {number} */ (values[i])) || null : values[i])),
            line: {
              color: run.colour,
              width: trace.meta.reference ? 1 : 1.6,
              dash: own === "solid" ? DASHES[run.dash]?.plotly : own,
            },
            opacity: trace.meta.reference ? 0.7 : 1,
            hoverinfo: "skip",
          },
        ];
      }),
    );
    const { width } = place.getBoundingClientRect();
    const common = linked && commonRange(chart, chosen, state.visible, logarithmic);
    return {
      data,
      layout: plot.layout({
        width,
        height: place.clientHeight,
        margin: MARGIN,
        dragmode: "zoom",
        xaxis: plot.axis({ range: state.range ?? [0, state.steps], nticks: 6 }),
        yaxis: plot.axis({
          type: logarithmic ? "log" : "linear",
          nticks: 5,
          fixedrange: true,
          ...(common ? { range: common } : { autorange: true }),
          ...(logarithmic ? { dtick: undefined } : {}),
        }),
      }),
    };
  }

  /** @param {Run[]} runs */
  function chooseState(runs) {
    if (choice.hidden) return "";
    const states = [...new Set(runs.flatMap((run) => run.answer.states))];
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
    if (!inSight) return Promise.resolve();
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

  async function paintOnce() {
    const made = figure();
    empty.hidden = made.data.length > 0;
    sentence.textContent = describe();
    await plot.draw(place, made);
    if (!zoomed) {
      zoomed = true;
      plot.onZoom(place, (range) =>
        store.set({ range: range && [Math.max(range[0] ?? 0, 0), Math.min(range[1] ?? 0, store.get().steps)] }),
      );
    }
    follow();
  }

  function follow() {
    const at = inSight ? plot.scales(place) : null;
    if (!at) return;
    const step = cursor(store.get());
    const px = at.x(step);
    line.hidden = px < at.left - 1 || px > at.right + 1;
    line.style.transform = `translateX(${px}px)`;
    line.style.top = `${at.top}px`;
    line.style.height = `${at.bottom - at.top}px`;
    placeLabels(at, step);
  }

  /** @param {NonNullable<ReturnType<typeof plot.scales>>} at @param {number} step */
  function placeLabels(at, step) {
    const logarithmic = view().log;
    const several = new Set(drawn.map((d) => d.label)).size > 1;
    const alone = new Set(drawn.map((d) => d.run)).size === 1;
    const items = drawn.map((d) => {
      const last = d.values[Math.min(d.values.length - 1, Math.ceil(store.get().range?.[1] ?? Infinity))] ?? 0;
      const y = at.y(logarithmic ? Math.abs(last) : last);
      const value = d.values[Math.min(step, d.values.length - 1)];
      return { ...d, y: Number.isFinite(y) ? Math.min(Math.max(y, at.top), at.bottom) : at.bottom, value };
    });
    items.sort((a, b) => a.y - b.y);
    const room = at.bottom - at.top + LABEL_HEIGHT;
    const height = Math.min(LABEL_HEIGHT, room / Math.max(items.length, 1));
    let floor = -Infinity;
    for (const item of items) {
      item.y = Math.max(item.y, floor);
      floor = item.y + height;
    }
    let ceiling = at.bottom - LABEL_HEIGHT / 2;
    for (const item of items.toReversed()) {
      item.y = Math.min(item.y, ceiling);
      ceiling = item.y - height;
    }
    while (labels.children.length > items.length) labels.lastElementChild?.remove();
    items.forEach((item, i) => {
      const label =
        labels.children[i] ??
        labels.appendChild(make("div", {}, make("span", { class: "name" }), make("span", { class: "value" })));
      const [name, value] = /** @type {HTMLElement[]} */ ([...label.children]);
      const text = several && item.label ? (alone ? item.label : `${item.run.label} ${item.label}`) : item.run.label;
      if (name && name.textContent !== text) name.textContent = text;
      if (value) value.textContent = number(item.value, 3);
      const style = /** @type {HTMLElement} */ (label).style;
      style.color = item.run.colour;
      style.transform = `translate(${at.right + 6}px, ${item.y - LABEL_HEIGHT / 2}px)`;
    });
  }

  function describe() {
    const ends = drawn.map(
      (d) => `${d.run.label} ${d.label}: ${number(d.values[0])} at the start, ${number(d.values.at(-1))} at the end`,
    );
    return `${chart.title}. ${ends.join("; ")}.`;
  }

  place.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const at = plot.scales(place);
    if (!at) return;
    const px = event.clientX - place.getBoundingClientRect().left;
    const inside = px >= at.left && px <= at.right;
    store.set({ hover: inside ? Math.min(Math.max(Math.round(at.stepAt(px)), 0), store.get().steps) : null }, false);
  });
  place.addEventListener("pointerleave", () => store.set({ hover: null }, false));
  let downAt = 0;
  place.addEventListener(
    "pointerdown",
    (event) => {
      downAt = event.clientX;
    },
    true,
  );
  place.addEventListener(
    "click",
    (event) => {
      const { hover, steps } = store.get();
      if (Math.abs(event.clientX - downAt) < 4 && hover !== null) store.set({ step: hover === steps ? -1 : hover });
    },
    true,
  );
  place.addEventListener("dblclick", () => store.set({ range: null }));
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.open = false;
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (menu.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
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

  /** @param {"png" | "svg"} format */
  async function save(format) {
    menu.open = false;
    const made = figure();
    made.data = made.data.map((trace, i) => ({
      ...trace,
      name: [drawn[i]?.run.label, drawn[i]?.label].filter(Boolean).join(" "),
    }));
    const full = {
      ...made.layout,
      title: { text: chart.title, font: { size: 14 } },
      showlegend: true,
      margin: { l: 60, r: 20, t: 48, b: 48 },
    };
    full.xaxis = { ...full.xaxis, title: { text: chart.figure.layout.xaxis?.title?.text ?? "step" }, automargin: true };
    full.yaxis = { ...full.yaxis, title: { text: chart.figure.layout.yaxis?.title?.text ?? "" }, automargin: true };
    download(
      `optimscope-${chart.id}.${format}`,
      await plot.picture({ data: made.data, layout: full }, format, 900, 480),
    );
  }

  function saveCsv() {
    menu.open = false;
    figure();
    const rows = Math.max(0, ...drawn.map((d) => d.values.length));
    const head = ["step", ...drawn.map((d) => JSON.stringify(`${d.run.label} ${d.column}`))].join(",");
    const lines = Array.from({ length: rows }, (_, i) => [i, ...drawn.map((d) => d.values[i] ?? "")].join(","));
    download(`optimscope-${chart.id}.csv`, new Blob([[head, ...lines].join("\n"), "\n"], { type: "text/csv" }));
  }

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

/**
 * The vertical range that holds all of these runs, with a little air; null if they have no such column.
 * @param {Chart} chart
 * @param {string} chosen  the state that is shown
 * @param {Run[]} runs
 * @param {boolean} logarithmic
 */
function commonRange(chart, chosen, runs, logarithmic) {
  let [low, high] = [Infinity, -Infinity];
  for (const run of runs) {
    for (const trace of chart.figure.data) {
      for (const value of run.columns[trace.meta.y.replace(STATE, chosen)] ?? []) {
        const shown = logarithmic ? Math.log10(Math.abs(value)) : value;
        if (!Number.isFinite(shown)) continue;
        low = Math.min(low, shown);
        high = Math.max(high, shown);
      }
    }
  }
  const air = 0.05 * (high - low || 1);
  return low <= high ? [low - air, high + air] : null;
}

/**
 * The rows that a picture needs of these values: all of few, else the lowest and highest of each stretch.
 * @param {Float32Array} values
 * @param {number[] | null} range
 * @returns {number[]}
 */
export function thin(values, range) {
  const from = Math.max(Math.floor(range?.[0] ?? 0) - 1, 0);
  const to = Math.min(Math.ceil(range?.[1] ?? Infinity) + 1, values.length - 1);
  const length = to - from + 1;
  if (length <= MAX_POINTS) return Array.from({ length: Math.max(length, 0) }, (_, i) => from + i);
  const buckets = MAX_POINTS / 2;
  /** @type {number[]} */
  const rows = [];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const first = from + Math.floor((bucket * length) / buckets);
    const end = from + Math.floor(((bucket + 1) * length) / buckets);
    let [low, high] = [first, first];
    let [lowest, highest] = [Infinity, -Infinity];
    for (let i = first; i < end; i++) {
      const value = values[i] ?? NaN; // NaN is neither
      if (value < lowest) [low, lowest] = [i, value];
      if (value > highest) [high, highest] = [i, value];
    }
    rows.push(...(low === high ? [low] : [Math.min(low, high), Math.max(low, high)]));
  }
  return rows;
}
