// The store of a page that shows training runs, and the fields that its address keeps.

import { warm } from "../chart/plot.mjs";
import { byId } from "../ui/dom.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";
import { viewOf } from "./address.mjs";
import { get } from "./api.mjs";
import { keepInUrl } from "./history.mjs";
import { chartViews, openingCharts } from "./presets.mjs";
import { createStore } from "./store.mjs";

/**
 * Opens a page about training runs.
 * @param {"run" | "comparison"} page
 * @param {string[]} charts  ids of charts that are shown besides those that open by themselves
 */
export async function openRunPage(page, charts) {
  mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
  warm();
  const catalogue = await get(document.body.dataset.catalogue ?? "/api/catalogue");
  const opening = openingCharts(catalogue, "run");
  const isMore = (/** @type {any} */ { id }) => charts.includes(id) && !opening.some((chart) => chart.id === id);
  const defaults = {
    compared: /** @type {string[]} */ ([]),
    charts: [...opening, ...chartViews(catalogue.charts.filter(isMore))],
    tensor: "",
    x: "",
    smoothing: 0,
    layout: "",
  };
  const store = createStore({
    ...viewOf(page, defaults, location.search),
    range: /** @type {number[] | null} */ (null),
    step: -1,
    first: 0,
    steps: 1,
    hover: /** @type {number | null} */ (null),
    runs: /** @type {any[]} */ ([]),
    visible: /** @type {import("../chart/series.mjs").Series[]} */ ([]),
    missing: /** @type {string[]} */ ([]),
    result: /** @type {any} */ (null),
    connected: true,
    offline: false,
    error: /** @type {any} */ (null),
  });
  keepInUrl(store, page, defaults);
  return { catalogue, store };
}
