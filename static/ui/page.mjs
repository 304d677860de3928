// What every page with runs on it does first: catalogue, store, history, surface and run settings.

import { OWN, readQuery } from "../data/address.mjs";
import { get } from "../data/api.mjs";
import { keepWithUndo } from "../data/history.mjs";
import { onSurface, pageAddress } from "../data/opening.mjs";
import { openingView, sceneOf } from "../data/presets.mjs";
import { createStore } from "../data/store.mjs";
import { errorsAt, form } from "../forms/form.mjs";
import { mountStarts } from "../forms/starts.mjs";
import { mountSurfaces } from "../surface/choice.mjs";
import { followFormula } from "../surface/first-look.mjs";
import { mountStatus } from "../surface/status.mjs";
import { byId } from "./dom.mjs";
import { mountThemeSwitch } from "./theme.mjs";

/**
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/address.mjs").Point} Point
 * @typedef {View & { hover: number | null, panels: import("../data/wanted-columns.mjs").Panel[], result: any,
 *   grid: any, visible: import("../chart/series.mjs").Series[],
 *   error: any, offline: boolean }} State
 */

/** @param {"explore" | "compare"} page */
export async function openPage(page) {
  mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
  const catalogue = await get(document.body.dataset.catalogue ?? "/api/catalogue");
  const scene = sceneOf(catalogue, page, readQuery(page, location.search));
  const defaults = openingView(catalogue, scene);
  const named = page === "explore" && scene && !scene.kept ? scene.id : "";
  const address = pageAddress(page, defaults, catalogue, named);
  /** @type {State} */
  const initial = {
    ...address.read(location.search),
    hover: null,
    panels: ["sentence"],
    result: null,
    grid: null,
    visible: [],
    error: null,
    offline: false,
  };
  const store = createStore(initial);
  document.body.classList.toggle("embedded", !store.get().controls);

  mountSurfaces(
    byId("surface"),
    store,
    catalogue,
    (id) => store.set({ ...onSurface(store.get(), catalogue, id), error: null }),
    () => (store.get().surface === defaults.surface ? defaults.params : {}),
  );
  const properties = catalogue.simulation.properties;
  const settings = form(
    { properties },
    (name, value, committed) => store.set({ [name]: value }, committed),
    () => ({ ...defaults, ...runOf(store.get().surface, defaults, catalogue) }),
  );
  byId("run-settings").append(...Object.values(settings.elements));
  mountStarts(byId("run-settings"), store);
  const render = () => {
    const { steps, noise, seed, clip, error } = store.get();
    settings.update({ steps, noise, seed, clip }, errorsAt(error && { ...error, field: `run.${error.field}` }, "run"));
  };
  store.on(["steps", "noise", "seed", "clip", "error"], render);
  render();
  mountStatus(byId("status"), store, catalogue);
  followFormula(store, catalogue, address.isBare(location.search));
  keepWithUndo(store, address, defaults);
  return { catalogue, defaults, store, scene, write: address.write };
}

/**
 * Steps and noise with which a surface opens.
 * @param {string} id
 * @param {View} defaults
 * @param {any} catalogue
 * @returns {Partial<View>}
 */
function runOf(id, defaults, catalogue) {
  if (id === OWN || id === defaults.surface) return {};
  const { steps, noise } = catalogue.surfaces.find((/** @type {any} */ s) => s.id === id)?.demo ?? {};
  return { steps, noise };
}

/**
 * The box that the view asks for: its own, or the surface's.
 * @param {State} state
 * @param {any} catalogue
 * @returns {number[]}
 */
export function wantedBox({ box, result, surface }, catalogue) {
  const declared = catalogue.surfaces.find((/** @type {any} */ s) => s.id === surface);
  const own = surface === OWN ? result?.surface?.suggested?.box : undefined;
  return box ?? own ?? result?.surface?.box ?? declared?.box ?? [-5, 5, -5, 5];
}

/**
 * What a picture's gestures do to the view.
 * @param {import("../data/store.mjs").Store<State>} store
 * @param {() => void} onResize
 */
export function sceneEvents(store, onResize) {
  return {
    onStart(/** @type {number} */ index, /** @type {Point} */ point, /** @type {boolean} */ committed) {
      store.set({ starts: store.get().starts.map((start, i) => (i === index ? point : start)) }, committed);
    },
    onAddStart: (/** @type {Point} */ point) => store.set({ starts: [...store.get().starts, point] }),
    onRemoveStart(/** @type {number} */ index) {
      if (store.get().starts.length > 1) store.set({ starts: store.get().starts.filter((_, i) => i !== index) });
    },
    onBox: (/** @type {number[] | null} */ box, /** @type {boolean} */ committed) => store.set({ box }, committed),
    onHover: (/** @type {number | null} */ step) => store.set({ hover: step }, false),
    onResize,
  };
}

/**
 * The box and the resolution of the grid that a picture needs.
 * @param {{ size: () => number[], box: () => number[] }} scene
 * @returns {{ box: number[], n: [number, number] }}
 */
export function gridShape(scene) {
  const [width = 1, height = 1] = scene.size();
  const points = (/** @type {number} */ length) => Math.max(Math.min(Math.ceil(length / 6), 160), 2);
  return { box: scene.box(), n: [points(width), points(height)] };
}
