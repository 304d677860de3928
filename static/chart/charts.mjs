// The linked charts of a page, and the menu that adds one.

import { make } from "../ui/dom.mjs";
import { onThemeChange } from "../ui/theme.mjs";
import { mountChart } from "./chart.mjs";
import { chartOf, ownCharts } from "./own.mjs";
import { shownRuns } from "./series.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * @typedef {import("../data/address.mjs").ChartView} ChartView
 * @typedef {import("./chart.mjs").Chart} Chart
 */

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {{ runs?: (state: any) => Series[], linked?: boolean, which?: (id: string) => boolean,
 *   hero?: (state: any) => string }} [options]
 *   which runs these charts show (the visible ones), whether their vertical axes span all visible runs, which of the
 *   view's charts are shown here, and which of them stands first and large
 */
export function mountCharts(root, store, catalogue, options = {}) {
  const runsOf = options.runs ?? shownRuns;
  const list = make("div", { class: "chart-list" });
  root.append(list);
  /** @type {Map<string, ReturnType<typeof mountChart>>} */
  const cards = new Map();
  let hero = "";

  function arrange() {
    const wanted = /** @type {ChartView[]} */ (store.get().charts).filter(
      ({ id }) => chartOf(id, catalogue) && (options.which?.(id) ?? true),
    );
    /** @type {HTMLElement | undefined} */
    let added;
    hero = options.hero?.(store.get()) ?? "";
    wanted.sort((a, b) => Number(b.id === hero) - Number(a.id === hero));
    const elements = wanted.map((view) => {
      let card = cards.get(view.id);
      if (!card) {
        card = mountChart(/** @type {Chart} */ (chartOf(view.id, catalogue)), store, runsOf, options.linked ?? false);
        cards.set(view.id, card);
        if (list.children.length) added = card.element;
      }
      card.element.classList.toggle("hero", view.id === hero);
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

  /** Cards whose picture is not that of the newest runs, in the order in which they are drawn. @type {Set<ReturnType<typeof mountChart>>} */
  const stale = new Set();
  let drawing = false;

  /** Draws them one a frame, so that a slider is never held up by all of them; those that waited longest come first. */
  async function redraw(anew = false) {
    for (const card of cards.values()) stale.add(card);
    if (anew) for (const card of cards.values()) card.anew();
    if (drawing) return;
    drawing = true;
    while (stale.size) {
      const [card] = stale;
      if (!card) break;
      stale.delete(card);
      if ([...cards.values()].includes(card)) await card.draw();
    }
    drawing = false;
    const { result } = store.get();
    if (result) root.dataset.drawn = String(Math.max(result.serial, Number(root.dataset.drawn ?? 0)));
  }
  function follow() {
    for (const card of cards.values()) card.follow();
  }

  store.on(["asked"], ({ asked }) => {
    root.dataset.asked = String(asked);
  });
  store.on(["charts"], arrange);
  if (options.hero) store.on(["visible"], (state) => options.hero?.(state) !== hero && arrange());
  store.on(["visible", "shownStart", "range", "tensor", "smoothing", "x"], () => redraw());
  store.on(["step", "hover", "steps", "focus", "playing"], follow);
  onThemeChange(() => redraw(true));
  root.dataset.asked = String(store.get().asked ?? "");
  arrange();
  return { redraw };
}

/**
 * The menu that adds a chart.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {string} [about]  which charts are offered
 */
export function mountAddChart(root, store, catalogue, about = "surface") {
  const add = make("select", { "aria-label": "Add a chart" });
  root.append(add);
  /** @type {string | undefined} */
  let offered;
  add.addEventListener("change", () => {
    const chart = chartOf(add.value, catalogue);
    if (chart) store.set({ charts: [...store.get().charts, { id: chart.id, log: chart.log_y, choice: "" }] });
  });
  function render() {
    const shown = new Set(store.get().charts.map((/** @type {ChartView} */ c) => c.id));
    const others = (/** @type {Chart[]} */ charts) => charts.filter((c) => c.about === about && !shown.has(c.id));
    const [rest, own] = [others(catalogue.charts), others(ownCharts(store.get().runs ?? [], catalogue))];
    const ids = [...rest, ...own].map(({ id }) => id).join();
    if (ids === offered) return; // an open menu stays as it is
    offered = ids;
    const option = (/** @type {Chart} */ c) => make("option", { value: c.id, title: c.what }, c.title);
    add.replaceChildren(
      make("option", { value: "" }, ids ? "Add a chart…" : "All charts are shown"),
      ...rest.map(option),
      ...(own.length ? [make("optgroup", { label: "Metrics of its own" }, ...own.map(option))] : []),
    );
    add.value = "";
  }
  store.on(["charts", "runs"], render);
  render();
}
