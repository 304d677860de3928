// The values at the common cursor: a small table beside it, a row for each run, a column for each of its lines.

import { rowAt } from "../data/columns.mjs";
import { make } from "../ui/dom.mjs";
import { count, number } from "../ui/format.mjs";
import { meaningOf } from "./key.mjs";

/**
 * @typedef {import("./traces.mjs").Drawn} Drawn
 * @typedef {import("./traces.mjs").DrawnBand} DrawnBand
 * @typedef {{ run: import("./series.mjs").Series, cells: string[], height: number }} Row
 */

const MOST_ROWS = 8;
const ROOM = 12; // pixels beside the cursor

/**
 * What stands in the table: the meanings of its columns, and the rows, those that lie highest first; of many the
 * outer ones and the one that is brought out.
 * @param {Drawn[]} drawn @param {number} step @param {number | null} focus
 */
export function readoutOf(drawn, step, focus) {
  const columns = [...new Set(drawn.map(meaningOf))];
  /** @type {Map<import("./series.mjs").Series, Row>} */
  const byRun = new Map();
  for (const line of drawn) {
    const value = valueAt(line, step);
    const row = byRun.get(line.run) ?? { run: line.run, cells: columns.map(() => ""), height: value ?? Number.NaN };
    row.cells[columns.indexOf(meaningOf(line))] = textOf(line, value);
    byRun.set(line.run, row);
  }
  const rows = [...byRun.values()];
  if (rows.length <= MOST_ROWS) return { columns, rows, more: 0 };
  const sorted = rows.toSorted((a, b) => (b.height || 0) - (a.height || 0));
  const kept = new Set([...sorted.slice(0, MOST_ROWS / 2), ...sorted.slice(-MOST_ROWS / 2)]);
  const own = rows.find(({ run }) => run.runner.key === focus);
  if (own) kept.add(own);
  const shown = sorted.filter((row) => kept.has(row));
  return { columns, rows: shown, more: rows.length - shown.length };
}

/**
 * The tensors at the edges of a band: "largest 2.weight 0.045, smallest 0.bias 0.002".
 * @param {DrawnBand[]} bands @param {number} step
 */
export function extremesOf(bands, step) {
  return bands.flatMap(({ run, steps, low, high, lowest, highest }) => {
    const row = rowAt(steps, step);
    if (!lowest[row] || !highest[row]) return [];
    const text = `largest ${highest[row]} ${number(high[row], 3)}, smallest ${lowest[row]} ${number(low[row], 3)}`;
    return [{ run, text }];
  });
}

/** As it is drawn. @param {Drawn} line @param {number} step */
function valueAt({ shown, steps }, step) {
  return shown[rowAt(steps, step)];
}

/** A walk's NaN is no number at all, a measured one is a result. @param {Drawn} line @param {number | undefined} value */
function textOf({ run }, value) {
  return Number.isNaN(value) && run.recording.about.kind !== "trajectory" ? "NaN" : number(value, 3);
}

/**
 * @param {HTMLElement} place
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {{ drawn: Drawn[], bands: DrawnBand[], step: number, sentences: string[], focus: number | null, alone: boolean }} shown
 */
export function placeReadout(place, at, { drawn, bands, step, sentences, focus, alone }) {
  const { columns, rows, more } = readoutOf(drawn, step, focus);
  const extremes = extremesOf(bands, step);
  const head = columns.some(Boolean) && (columns.length > 1 || alone);
  const table = make(
    "table",
    {},
    head &&
      make("thead", {}, make("tr", {}, make("th", {}), ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make(
      "tbody",
      {},
      ...rows.map(({ run, cells }) =>
        make(
          "tr",
          { class: focus !== null && focus !== run.runner.key ? "back" : "" },
          make(
            "th",
            { scope: "row", style: `--colour: ${run.colour}` },
            make("bdi", {}, alone && rows.length < 2 ? "" : run.label),
          ),
          ...cells.map((cell) => make("td", { class: "value" }, cell)),
        ),
      ),
    ),
  );
  place.replaceChildren(
    make("div", { class: "at" }, `step ${count(step)}`),
    ...(rows.length ? [table] : []),
    ...(more ? [make("div", {}, `and ${more} more`)] : []),
    ...extremes.map(({ run, text }) => make("div", { style: `color: ${run.colour}` }, text)),
    ...sentences.map((text) => make("div", { class: "sentence" }, text)),
  );
  place.hidden = false;
  const px = at.x(step);
  const width = place.offsetWidth;
  const toRight = px + ROOM + width <= at.right || px - at.left < at.right - px;
  const left = toRight ? Math.min(px + ROOM, at.right - width) : Math.max(px - ROOM - width, at.left);
  place.style.transform = `translate(${Math.max(left, 2)}px, ${at.top + 4}px)`;
}
