// What a page shows, and how its URL says it: one table of fields, read and written both ways.

import { choice, finite, numbers, numbersIn, optional, real, text, toggle, whole, words, wordsIn } from "./fields.mjs";
import { readRunner, readSettings, runnerText, settingsText } from "./runner.mjs";

/**
 * @typedef {import("./runner.mjs").Runner} Runner
 * @typedef {[number, number]} Point
 * @typedef {{ id: string, log: boolean, choice: string }} ChartView
 * What Explore and Compare show.
 * @typedef {{
 *   scene: string,
 *   guide: boolean,
 *   surface: string,
 *   formula: string,
 *   params: Record<string, any>,
 *   starts: Point[],
 *   shownStart: number,
 *   steps: number,
 *   noise: number,
 *   clip: number,
 *   seed: number,
 *   runners: Runner[],
 *   solo: number,
 *   step: number,
 *   box: number[] | null,
 *   dimensions: "2d" | "3d",
 *   levels: "log" | "linear",
 *   glyphs: string[],
 *   charts: ChartView[],
 *   range: number[] | null,
 *   goal: number | null,
 *   controls: boolean,
 * }} View
 * @typedef {keyof typeof PAGES} Page
 */

/** The surface id that stands for one's own formula. */
export const OWN = "own";

const SURFACE_FIELDS = [
  "surface",
  "formula",
  "params",
  "starts",
  "shownStart",
  "steps",
  "noise",
  "seed",
  "clip",
  "runners",
  "solo",
  "step",
];
const PICTURE_FIELDS = ["box", "dimensions", "levels", "glyphs", "charts", "range", "goal", "controls"];

/** The fields of every page, in the order in which its address has them. */
export const PAGES = {
  explore: ["scene", "guide", ...SURFACE_FIELDS, ...PICTURE_FIELDS],
  compare: [...SURFACE_FIELDS, ...PICTURE_FIELDS],
  train: ["clone"],
  run: ["charts", "tensor", "x", "smoothing"],
  comparison: ["compared", "charts", "tensor", "x", "smoothing", "layout"],
  runs: ["text", "status", "sort", "mine", "offset"],
};

/** How each field is written. @type {Record<string, import("./fields.mjs").Field<any>>} */
const FIELDS = {
  scene: text(),
  guide: toggle("1"),
  surface: text(),
  formula: { write: (value, view) => (view.surface === OWN ? value : null), read: ([first]) => first },
  params: {
    write: (value) => settingsText(value) || "none",
    read: ([first]) => readSettings(first ?? ""),
  },
  starts: {
    write: (points) => points.map((/** @type {Point} */ point) => point.join(",")).join(";"),
    read: ([first]) => points(first ?? ""),
  },
  // Of several starts the one that charts show; the address counts from 1, as the picture does.
  shownStart: {
    write: (index) => (index ? String(index + 1) : null),
    read: (texts) => (whole(1).read(texts) ?? 1) - 1,
  },
  steps: whole(1),
  noise: real(0),
  clip: real(0),
  seed: whole(0),
  runners: {
    write: (runners) => (runners.length ? runners.map(runnerText) : "none"),
    read: (texts) => (texts[0] === "none" ? [] : texts.filter(Boolean).map(readRunner)),
  },
  // The address counts runners; the page knows them by key, which `viewOf` looks up.
  solo: { write: placeOf, read: ([first]) => (first ? -Number(first) : undefined) },
  step: { write: (value) => (value < 0 ? null : String(value)), read: ([first]) => finite(first) },
  box: numbers(4),
  dimensions: choice(["2d", "3d"]),
  levels: choice(["log", "linear"]),
  glyphs: words("none"),
  charts: { write: chartsText, read: ([first]) => charts(first) },
  range: numbers(2),
  goal: optional(),
  controls: toggle("0"),
  clone: text(),
  compared: words(""),
  tensor: text(),
  x: text(),
  smoothing: real(0, 1),
  layout: choice(["", "side"]),
  text: text(),
  status: text(),
  sort: text(),
  mine: toggle("1"),
  offset: whole(0),
};

/** What a field is called in the address, where that is not its name. @type {Record<string, string>} */
const NAMES = { runners: "run", compared: "compare", shownStart: "start" };

/** What it was called in addresses of before. @type {Record<string, string>} */
const FORMER = { compared: "runs" };

/**
 * What a page shows as a query string. What equals `defaults` is left out.
 * @param {Page} page
 * @param {any} view
 * @param {any} defaults
 */
export function writeQuery(page, view, defaults) {
  const query = new URLSearchParams();
  for (const name of PAGES[page]) {
    const { write } = fieldOf(name);
    const written = write(view[name], view);
    if (written === null || String(written) === String(write(defaults[name], defaults))) continue;
    for (const one of Array.isArray(written) ? written : [written]) query.append(NAMES[name] ?? name, one);
  }
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
}

/**
 * What a query string says; unreadable parts are left out, as are the fields it does not name.
 * @param {Page} page
 * @param {string} search
 * @returns {Record<string, any>}
 */
export function readQuery(page, search) {
  const query = new URLSearchParams(search);
  /** @type {Record<string, any>} */
  const view = {};
  for (const name of PAGES[page]) {
    const former = FORMER[name];
    const told = query.getAll(NAMES[name] ?? name);
    const texts = told.length || !former ? told : query.getAll(former);
    if (!texts.length) continue;
    const value = fieldOf(name).read(texts);
    if (value !== undefined && value !== null) view[name] = value;
  }
  return view;
}

/**
 * What an address asks for: `defaults` where it says nothing.
 * @template {object} V
 * @param {Page} page
 * @param {V} defaults
 * @param {string} search
 * @returns {V}
 */
export function viewOf(page, defaults, search) {
  const view = /** @type {any} */ ({ ...defaults, ...readQuery(page, search) });
  if (view.solo < 0) view.solo = view.runners[-view.solo - 1]?.key ?? 0;
  return view;
}

/** @param {string} name */
function fieldOf(name) {
  return /** @type {import("./fields.mjs").Field<any>} */ (FIELDS[name]);
}

/** @param {number} key @param {View} view */
function placeOf(key, view) {
  const index = view.runners.findIndex((runner) => runner.key === key);
  return index < 0 ? null : String(index + 1);
}

/** @param {string} written */
function points(written) {
  const found = written.split(";").map((pair) => numbersIn(pair, 2));
  return found.every(Boolean) ? /** @type {Point[]} */ (found) : undefined;
}

/** @param {ChartView[]} charts */
function chartsText(charts) {
  const texts = charts.map((chart) =>
    [idText(chart.id), chart.log ? "log" : "linear", chart.choice].filter(Boolean).join("."),
  );
  return texts.join(",") || "none";
}

/** @param {string | undefined} written @returns {ChartView[]} */
function charts(written) {
  return wordsIn(written).map((one) => {
    const [id = "", scale = "", selected = ""] = one.split(".");
    return { id: idOf(id), log: scale === "log", choice: selected };
  });
}

/** An id with no sign that parts one from another: that of one's own metric has its name in it. @param {string} id */
function idText(id) {
  return encodeURIComponent(id).replaceAll(".", "%2E").replaceAll("%3A", ":").replaceAll("%2F", "/");
}

/** @param {string} written */
function idOf(written) {
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}
