// A chart's declared traces as Plotly traces of one run's columns.

import { rowAt, smooth, stepsOf, thin } from "../data/columns.mjs";
import { colour } from "../ui/theme.mjs";
import { DASHES, FEW_RUNS } from "./series.mjs";

/**
 * @typedef {import("../surface/marks.mjs").Run} Run
 * @typedef {{ logarithmic: boolean, range: number[] | null, smoothing?: number, points?: number }} Look
 */

// Stand-ins in the names of declared columns.
export const STATE = "{state}";
const TENSOR = "{tensor}";
const EACH = "{each}";

const EACH_POINTS = 120; // of every tensor's line, where all are drawn
const ALL_POINTS = 24_000; // of all these lines in a chart together

/**
 * The column that a declared trace shows of this run; null for one that shows every tensor.
 * @param {any} trace
 * @param {Run} run
 * @param {{ state: string, tensor: string }} chosen
 */
export function columnOf(trace, run, chosen) {
  const { y } = trace.meta;
  if (y.includes(EACH)) return null;
  return y
    .replace(STATE, chosen.state)
    .replace(TENSOR, run.tensors?.includes(chosen.tensor) ? chosen.tensor : (run.tensors?.[0] ?? ""));
}

/**
 * Why declared lines are not drawn, for runs of which something else is.
 * @param {any[]} traces
 * @param {Run[]} runs
 * @param {{ run: Run }[]} drawn
 */
export function absent(traces, runs, drawn) {
  const said = traces.flatMap(({ meta }) => {
    if (!meta.absent || (meta.detail && runs.length > FEW_RUNS)) return [];
    const without = runs.filter(
      (run) => !run.columns[meta.y] && run.columns.weight_decay && drawn.some((one) => one.run === run),
    );
    return without.length ? [meta.absent.replace("{runs}", without.map((run) => run.label).join(", "))] : [];
  });
  return said.join(" ");
}

/**
 * One line of one run.
 * @param {any} declared
 * @param {Run} run
 * @param {Float32Array} values
 * @param {ArrayLike<number>} steps
 * @param {Look} look
 * @returns {any}
 */
export function lineTrace(declared, run, values, steps, { logarithmic, range, smoothing = 0 }) {
  const rows = thin(values, range?.map((step) => rowAt(steps, step)) ?? null);
  const own = declared.line?.dash ?? "solid";
  const shown = smoothed(values, smoothing);
  const alone = rows.length < 2;
  return {
    type: "scatter",
    mode: alone ? "markers" : "lines",
    marker: { color: run.colour, size: 6 },
    x: rows.map((i) => /** @type {number} */ (steps[i])),
    y: rows.map((i) => (logarithmic ? Math.abs(/** @type {number} */ (shown[i])) || null : shown[i])),
    line: { color: run.colour, width: 1.6, dash: own === "solid" ? DASHES[run.dash]?.plotly : own },
    hoverinfo: "skip",
    connectgaps: true,
  };
}

/** Values as they are drawn. @param {Float32Array} values @param {number} [smoothing] */
export function smoothed(values, smoothing = 0) {
  return smoothing > 0 ? smooth(values, smoothing) : values;
}

/** How many points the line of each tensor gets. @param {Run[]} runs */
export function pointsOfEach(runs) {
  const lines = runs.reduce((sum, run) => sum + (run.tensors?.length ?? 0), 0);
  return Math.min(EACH_POINTS, Math.max(2 * Math.round(ALL_POINTS / Math.max(lines, 1) / 2), 16));
}

/**
 * A metric of every tensor, joined into one faint line with gaps: many traces would be slow.
 * @param {any} declared
 * @param {Run} run
 * @param {Look} look
 * @returns {any}
 */
export function jointTrace(declared, run, { logarithmic, range, points = EACH_POINTS }) {
  /** @type {(number | null)[][]} */
  const [x, y] = [[], []];
  for (const tensor of run.tensors ?? []) {
    const column = declared.meta.y.replace(EACH, tensor);
    const [values, steps] = [run.columns[column], stepsOf(run, column)];
    if (!values || !steps) continue;
    const rows = thin(values, range?.map((step) => rowAt(steps, step)) ?? null, points);
    for (const i of rows) {
      x?.push(/** @type {number} */ (steps[i]));
      const value = /** @type {number} */ (values[i]);
      y?.push(logarithmic ? Math.abs(value) || null : value);
    }
    x?.push(null);
    y?.push(null);
  }
  const alone = x?.every((step, i) => step === null || ((x[i - 1] ?? null) === null && (x[i + 1] ?? null) === null));
  return {
    type: "scatter",
    mode: alone ? "markers" : "lines",
    marker: { color: run.colour, size: 4 },
    x,
    y,
    line: { color: run.colour, width: 1 },
    opacity: 0.35,
    hoverinfo: "skip",
  };
}

/**
 * A column of histograms as a picture: steps across, bins upwards.
 * @param {Run} run
 * @param {string} column
 * @param {{ low: number, high: number }} bins  the axis of the bins
 */
export function heatTrace(run, column, bins) {
  const [values, steps] = [run.columns[column], stepsOf(run, column)];
  const width = run.widths?.[column] ?? 1;
  if (!values || !steps || width < 2) return null;
  const z = Array.from({ length: width }, (_, bin) => Array.from(steps, (_, row) => values[row * width + bin] || null));
  const filled = z.map((row, bin) => (row.some(Boolean) ? bin : -1)).filter((bin) => bin >= 0);
  const y = Array.from({ length: width }, (_, bin) => bins.low + ((bin + 0.5) * (bins.high - bins.low)) / width);
  return {
    trace: {
      type: "heatmap",
      x: Array.from(steps),
      y,
      z,
      colorscale: [
        [0, colour("--ground")],
        [1, run.colour],
      ],
      showscale: false,
      hoverinfo: "skip",
      zsmooth: false,
    },
    range: [(y[filled[0] ?? 0] ?? bins.low) - 1, (y[filled.at(-1) ?? width - 1] ?? bins.high) + 1],
  };
}
