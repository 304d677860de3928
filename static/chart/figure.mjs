// A chart's figure: its declared traces filled with these runs, and axes that hold what there is to see.

import { superscript } from "../ui/format.mjs";
import { textSize } from "../ui/theme.mjs";
import { axisFor, rangedAxis } from "./axis.mjs";
import { hasWords, markedRuns } from "./events.mjs";
import { labelWidth } from "./labels.mjs";
import * as plot from "./plot.mjs";
import { bind, columnOf } from "./traces.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * What a figure is made for: the runs, others whose values the axis holds too, the step range of the view, what stands
 * across (empty: steps), and the place's size in pixels.
 * @typedef {{ runs: Series[], others: Series[], range: number[], x: string, width: number, height: number,
 *   choices: import("./traces.mjs").Choices }} For
 */

const MARGIN = { left: 46, right: 16, top: 8, bottom: 24 }; // at 12 px of text
const [LETTER, TICK, STRIP] = [0.56, 5.4, 1.5]; // of a letter's width, a tick's room, the strip above: in sizes of the text
const FAR = 20; // plot heights beyond which a line that leaves need not be drawn

/** Whether the chart is a heat map, whose other axis counts powers of two. @param {import("./chart.mjs").Chart} chart */
export function isHeat(chart) {
  return chart.figure.data[0]?.type === "heatmap";
}

/**
 * @param {import("./chart.mjs").Chart} chart
 * @param {For} wanted
 */
export function figureOf(chart, { runs, others, range, x, width, height, choices }) {
  const size = textSize();
  const heat = isHeat(chart);
  const bound = bind(chart.figure, runs, choices);
  const marked = markedRuns(runs, [...bound.drawn, ...bound.lost]);
  const drawnRuns = [...new Set(bound.drawn.map(({ run }) => run))];
  const names = heat ? 0 : labelWidth(drawnRuns, width, height, size);
  const yaxis = heat ? powersOfTwo(bound.bins) : fittedAxis();
  const widest = Math.max(...yaxis.ticktext.map((text) => text.length), 0) * LETTER * size + 10;
  const margin = {
    l: Math.max((MARGIN.left * size) / 12, widest),
    r: (MARGIN.right * size) / 12 + names,
    t: !x && hasWords(marked) ? STRIP * size + 4 : MARGIN.top,
    b: (MARGIN.bottom * size) / 12,
  };
  const most = Math.max(Math.min(Math.floor((width - margin.l - margin.r) / (TICK * size)), 5), 2);
  const xaxis = x
    ? {
        ...axisFor(
          bound.data.map((trace) => trace.x),
          false,
          most,
        ),
        fixedrange: true,
      }
    : rangedAxis(range, false, most);
  const layout = plot.layout({
    width,
    height,
    margin,
    dragmode: "zoom",
    xaxis: plot.axis(xaxis),
    yaxis: plot.axis({ ...yaxis, fixedrange: true }),
  });
  return { ...bound, figure: { data: bound.data, layout }, marked, names };

  /** One run that blew up stretches no axis, unless there is no other. */
  function fittedAxis() {
    const finite = (/** @type {Series | undefined} */ run) => run?.recording.outcome !== "diverged";
    const all = bound.owners.some(finite) ? finite : () => true;
    const own = bound.data.filter((_, i) => all(bound.owners[i])).map((trace) => trace.y);
    const beside = others.filter(all).flatMap((run) => shownColumns(run));
    const axis = axisFor([...own, ...beside], choices.logarithmic ?? false);
    const [low = 0, high = 1] = axis.range;
    const far = FAR * (high - low);
    bound.data.forEach((trace, i) => {
      if (!finite(bound.owners[i])) trace.y = trace.y.map(held(low - far, high + far, axis.type === "log"));
    });
    return axis;
  }

  /** @param {Series} run */
  function shownColumns(run) {
    return chart.figure.data.map((trace) => run.recording.columns[columnOf(trace, run, choices)] ?? []);
  }
}

/** @param {number} low @param {number} high @param {boolean} logarithmic  then they are exponents @returns {(value: number | null) => number | null} */
function held(low, high, logarithmic) {
  const [least, most] = logarithmic ? [10 ** Math.max(low, -300), 10 ** Math.min(high, 300)] : [low, high];
  return (value) => (value === null ? null : Math.min(Math.max(value, least), most));
}

/** @param {number[] | null} bins  in sight */
function powersOfTwo(bins) {
  const axis = rangedAxis(bins ?? [-20, 0]);
  const text = (/** @type {number} */ power) => (Number.isInteger(power) ? `2${superscript(power)}` : "");
  return { ...axis, ticktext: axis.tickvals.map(text) };
}
