// A declared chart filled with columns: Plotly traces of these series. app/traces.py does the same in Python, and a
// test holds the two together.

import { rowAt, smooth, thin } from "../data/columns.mjs";
import { bandOf } from "./band.mjs";
import { DASHES, FEW_RUNS } from "./series.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * @typedef {import("../data/recording.mjs").Values} Values
 * What the viewer chose: `state` and `tensor` for the stand-ins in names of columns, the column that stands across
 * instead of the step, whether the axis is logarithmic, the range of steps in sight, how much lines are smoothed, and what lies behind a heat map.
 * @typedef {{ state?: string, tensor?: string, x?: string, logarithmic?: boolean, range?: number[] | null, smoothing?: number,
 *   ground?: string }} Choices
 * A line that is drawn; `shown`: its values as they are drawn, where that is smoothed; `dash` and `width`: what tells
 * it from the other lines of its run.
 * @typedef {{ run: Series, column: string, label: string, values: Values, shown: Values, steps: ArrayLike<number>,
 *   dash?: string, width?: number }} Drawn
 * @typedef {import("./band.mjs").Band & { run: Series, label: string }} DrawnBand
 */

// Stand-ins in the names of declared columns.
export const STATE = "{state}";
const TENSOR = "{tensor}";

const POINT = 6; // pixels
const FAINT = 0.3; // what a raw line keeps behind its smoothed one, and a band
const [WIDTH, SECOND] = [1.6, 2]; // of a run's first line, and of the others, which a dash tells from it
// Where a dash tells the run itself from others of its colour, its lines are told apart by their weight.
const WIDTHS = /** @type {Record<string, number>} */ ({ solid: WIDTH, dot: 2.6, dash: 3, dashdot: 3.4 });
const BINS = { low: -40, high: 24 }; // powers of two that the bins of a histogram column span

/**
 * The traces of a chart with the run that each belongs to, which of them are lines and bands, and of a heat map the bins in sight.
 * @param {{ data: any[] }} figure  as it is declared
 * @param {Series[]} all
 * @param {Choices} choices
 * @returns {{ data: any[], owners: (Series | undefined)[], drawn: Drawn[], bands: DrawnBand[], lost: Drawn[], bins: number[] | null }}
 *   lost: lines without a finite value
 */
export function bind(figure, all, choices) {
  if (figure.data[0]?.type === "heatmap") return bindHeat(figure.data[0], all[0], choices);
  const few = all.length <= FEW_RUNS;
  const traces = figure.data.filter((trace) => few || !trace.meta.detail);
  /** @type {Drawn[]} */
  const drawn = [];
  /** @type {Drawn[]} */
  const lost = [];
  /** @type {DrawnBand[]} */
  const bands = [];
  /** @type {Series[]} */
  const owners = [];
  const data = all.flatMap((run) =>
    traces.flatMap((trace) => {
      const made = trace.meta.low ? ofBand(trace, run) : ofLine(trace, run);
      owners.push(...made.map(() => run));
      return made;
    }),
  );
  return { data, owners, drawn, bands, lost, bins: null };

  /** @param {any} trace @param {Series} run */
  function ofBand(trace, run) {
    const found = bandOf(trace.meta, run.recording, { ...choices, placed: (value) => placed(value, choices) });
    if (!found) return [];
    bands.push({ ...found, run, label: trace.meta.label });
    return [bandTrace(trace, run, found, choices)];
  }

  /** @param {any} trace @param {Series} run */
  function ofLine(trace, run) {
    const column = columnOf(trace, run, choices);
    const values = run.recording.columns[column];
    if (!values?.length) return [];
    const steps = run.recording.steps(column);
    const shown = smoothed(values, choices.smoothing);
    const look = { dash: trace.line?.dash ?? "solid", width: trace.line?.width ?? WIDTH };
    const line = { run, column, label: trace.meta.label, values, shown, steps, ...look };
    const finite = values.some(Number.isFinite);
    (finite ? drawn : lost).push(line);
    if (!finite) return [];
    const whole = lineTrace(trace, line, choices);
    return shown === values ? [whole] : [rawTrace(trace, line, choices), whole];
  }
}

/**
 * The column that a declared trace shows of this run.
 * @param {any} trace
 * @param {Series} run
 * @param {Choices} choices
 */
export function columnOf(trace, run, { state = "", tensor = "" }) {
  const { y } = trace.meta;
  if (!y.includes(TENSOR)) return y.replace(STATE, state);
  const { tensors } = run.recording;
  return y.replace(TENSOR, tensors.includes(tensor) ? tensor : (tensors[0] ?? ""));
}

/**
 * Why declared lines are not drawn, for runs of which something else is.
 * @param {any[]} traces
 * @param {Series[]} runs
 * @param {{ run: Series }[]} drawn
 */
export function absent(traces, runs, drawn) {
  const said = traces.flatMap(({ meta }) => {
    if (!meta.absent || (meta.detail && runs.length > FEW_RUNS)) return [];
    const without = runs.filter(
      (run) => !run.recording.columns[meta.y] && decays(run.recording) && drawn.some((one) => one.run === run),
    );
    return without.length ? [meta.absent.replace("{runs}", without.map((run) => run.label).join(", "))] : [];
  });
  return said.join(" ");
}

/** @param {import("../data/recording.mjs").Recording} recording */
function decays({ about, columns }) {
  return about.decay ? about.decay.kind !== "none" : (columns.weight_decay ?? []).some((value) => value > 0);
}

/** Values as they are drawn. @param {Values} values @param {number} [smoothing] */
function smoothed(values, smoothing = 0) {
  return smoothing > 0 ? smooth(values, smoothing) : values;
}

/** The rows of a column that are drawn. @param {Values} values @param {ArrayLike<number>} steps @param {Choices} choices */
function rowsOf(values, steps, { range }) {
  return thin(values, range?.map((step) => rowAt(steps, step)) ?? null);
}

/** A value as it lies on the axis: nothing where it is not finite, or a logarithm has none. @param {number | undefined} value @param {Choices} choices */
function placed(value, { logarithmic }) {
  return Number.isFinite(value) && !(logarithmic && Number(value) <= 0) ? value : null;
}

/**
 * Where steps lie: at themselves, or at what the chosen column is then, between its rows in proportion.
 * @param {Series} run @param {ArrayLike<number>} steps @param {number[]} rows @param {Choices} choices
 */
function across({ recording }, steps, rows, { x = "" }) {
  if (!x) return rows.map((i) => steps[i] ?? null);
  const all = recording.columns[x] ?? [];
  const known = Array.from(all, (_, i) => i).filter((i) => Number.isFinite(all[i]));
  const at = known.map((i) => recording.steps(x)[i] ?? NaN);
  return rows.map((i) => between(at, /** @type {number} */ (steps[i]), (k) => all[known[k] ?? -1] ?? NaN));
}

/** A value at a step, in proportion to those of the rows around it; null outside of all. @param {number[]} at  their steps @param {number} step @param {(row: number) => number} valueAt */
function between(at, step, valueAt) {
  const row = rowAt(at, step);
  const [low, high] = [at[row] ?? NaN, at[row + 1] ?? NaN];
  if (step === low) return valueAt(row);
  if (!(step > low && step < high)) return null;
  return valueAt(row) + ((step - low) / (high - low)) * (valueAt(row + 1) - valueAt(row));
}

/** The mode of a line and the sizes of its points: one between two gaps would not be seen as a line. @param {(number | null | undefined)[]} y */
function marked(y) {
  if (y.length < 2) return { mode: "markers", size: POINT };
  const alone = y.map((value, i) => value !== null && (y[i - 1] ?? null) === null && (y[i + 1] ?? null) === null);
  return alone.some(Boolean)
    ? { mode: "lines+markers", size: alone.map((one) => (one ? POINT : 0)) }
    : { mode: "lines", size: POINT };
}

/** @param {Series} run @param {any} declared */
function nameOf(run, declared) {
  return [run.label, declared.meta.label].filter(Boolean).join(" ");
}

/** @param {any} declared @param {Drawn} line @param {Choices} choices @returns {any} */
function lineTrace(declared, { run, values, shown, steps }, choices) {
  const rows = rowsOf(values, steps, choices);
  const own = declared.line?.dash ?? "solid";
  const y = rows.map((i) => placed(shown[i], choices));
  const { mode, size } = marked(y);
  return {
    type: "scatter",
    mode,
    name: nameOf(run, declared),
    marker: { color: run.colour, size },
    x: across(run, steps, rows, choices),
    y,
    line: {
      color: run.colour,
      ...(own === "solid" || run.dash
        ? { width: declared.line?.width ?? WIDTHS[own], dash: DASHES[run.dash]?.plotly }
        : { width: declared.line?.width ?? SECOND, dash: own }),
    },
    hoverinfo: "skip",
  };
}

/** The values as they were measured, faint behind the smoothed line. @param {any} declared @param {Drawn} line @param {Choices} choices */
function rawTrace(declared, line, choices) {
  const raw = lineTrace(declared, { ...line, shown: line.values }, choices);
  return { ...raw, name: `${raw.name} unsmoothed`, line: { ...raw.line, width: 1, dash: "solid" }, opacity: FAINT };
}

/**
 * The space between two lines as an area, in as many pieces as there are gaps between.
 * @param {any} declared @param {Series} run @param {import("./band.mjs").Band} band @param {Choices} choices @returns {any}
 */
function bandTrace(declared, run, { steps, low, high, pieces }, choices) {
  const x = pieces.flatMap((rows) => [...across(run, steps, [...rows, ...rows.toReversed()], choices), null]);
  const y = pieces.flatMap((rows) => [...rows.map((i) => high[i]), ...rows.toReversed().map((i) => low[i]), null]);
  return {
    type: "scatter",
    mode: "lines",
    name: nameOf(run, declared),
    x,
    y,
    fill: "toself",
    fillcolor: run.colour,
    line: { color: run.colour, width: 0.5 },
    opacity: FAINT / 2,
    hoverinfo: "skip",
  };
}

/**
 * A column of histograms as a picture: steps across, bins upwards.
 * @param {any} declared @param {Series | undefined} run @param {Choices} choices
 */
function bindHeat(declared, run, choices) {
  const column = run && columnOf(declared, run, choices);
  const values = run?.recording.columns[column ?? ""];
  const width = run?.recording.width(column ?? "") ?? 1;
  if (!run || !column || !values || width < 2)
    return { data: [], owners: [], drawn: [], bands: [], lost: [], bins: null };
  const steps = run.recording.steps(column);
  const z = Array.from({ length: width }, (_, bin) => Array.from(steps, (_, row) => values[row * width + bin] || null));
  const filled = z.map((row, bin) => (row.some(Boolean) ? bin : -1)).filter((bin) => bin >= 0);
  const y = Array.from({ length: width }, (_, bin) => BINS.low + ((bin + 0.5) * (BINS.high - BINS.low)) / width);
  const trace = {
    type: "heatmap",
    name: nameOf(run, declared),
    x: Array.from(steps),
    y,
    z,
    colorscale: [
      [0, choices.ground],
      [1, run.colour],
    ],
    showscale: false,
    hoverinfo: "skip",
    zsmooth: false,
  };
  const bins = [(y[filled[0] ?? 0] ?? BINS.low) - 1, (y[filled.at(-1) ?? width - 1] ?? BINS.high) + 1];
  return { data: [trace], owners: [run], drawn: [], bands: [], lost: [], bins };
}
