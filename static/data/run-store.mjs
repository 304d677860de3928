// The store of a page that shows training runs, and the fields that its address keeps.

import { warm } from "../chart/plot.mjs";
import { byId } from "../ui/dom.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";
import { FIELDS } from "./address.mjs";
import { get } from "./api.mjs";
import { openingCharts } from "./opening.mjs";
import { createStore } from "./store.mjs";

/** Opens a page about training runs. @param {string[]} [charts]  ids of charts that are shown besides */
export async function openRunPage(charts = []) {
  mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
  warm();
  const catalogue = await get(document.body.dataset.catalogue ?? "/api/catalogue");
  const query = new URLSearchParams(location.search);
  const chosen = /** @type {any} */ (FIELDS.charts).read(query.getAll("charts"));
  const opening = openingCharts(catalogue, "run");
  const more = catalogue.charts
    .filter((/** @type {any} */ c) => charts.includes(c.id) && !opening.some(({ id }) => id === c.id))
    .map((/** @type {any} */ c) => ({ id: c.id, log: c.log_y, choice: "" }));
  const store = createStore({
    charts: query.has("charts") ? chosen : [...opening, ...more],
    range: /** @type {number[] | null} */ (null),
    tensor: query.get("tensor") ?? "",
    smoothing: Number(query.get("smoothing") ?? 0) || 0,
    layout: query.get("layout") ?? "",
    step: -1,
    steps: 1,
    hover: /** @type {number | null} */ (null),
    runs: /** @type {any[]} */ ([]),
    visible: /** @type {any[]} */ ([]),
    missing: /** @type {string[]} */ ([]),
    result: /** @type {any} */ (null),
    connected: true,
    offline: false,
    error: /** @type {any} */ (null),
  });
  store.onCommit((state) => {
    const now = new URLSearchParams(location.search);
    const written = /** @type {any} */ (FIELDS.charts).write(state.charts);
    for (const [name, value] of [
      ["charts", written],
      ["tensor", state.tensor],
      ["smoothing", state.smoothing || ""],
      ["layout", state.layout],
    ]) {
      if (value) now.set(name, String(value));
      else now.delete(name);
    }
    history.replaceState(null, "", `?${now}`.replaceAll("%2C", ","));
  });
  return { catalogue, store };
}
