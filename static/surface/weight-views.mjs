// Two views of the weights themselves: their path in its two principal directions, and for points in
// the plane the boundary that the model draws between classes.

import * as plot from "../chart/plot.mjs";
import { rowAt } from "../data/columns.mjs";
import { make } from "../ui/dom.mjs";
import { percent } from "../ui/format.mjs";
import { colour, onThemeChange, textSize } from "../ui/theme.mjs";

const MARGIN = { l: 66, r: 16, t: 8, b: 36 };

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountWeightViews(root, store) {
  const path = card("Path of the weights, in its two principal directions");
  const boundary = card("Decision boundary, with the training points");
  root.append(path.element, boundary.element);

  function render() {
    const { visible, step } = store.get();
    const [run] = visible;
    if (!run) return;
    const [x, y, share] = ["path_x", "path_y", "path_share"].map((name) => rowOf(run, name, step));
    path.element.hidden = !x?.length;
    if (x && y && share) path.draw(pathFigure(run, x, y, share));
    const facts = run.recording.about.facts?.boundary;
    const heights = rowOf(run, "boundary", step);
    boundary.element.hidden = !(facts && heights?.length);
    if (facts && heights?.length) boundary.draw(boundaryFigure(facts, heights));
  }
  store.on(["visible", "step"], render);
  new ResizeObserver(render).observe(root);
  onThemeChange(render);
  render();
}

/** @param {string} title */
function card(title) {
  const place = make("div", { class: "chart-plot" });
  const element = make(
    "section",
    { class: "chart", "aria-label": title, hidden: true },
    make("header", {}, make("h3", {}, title)),
    make("div", { class: "chart-body square" }, place),
  );
  return {
    element,
    /** @param {{ data: any[], layout: any }} figure */
    draw(figure) {
      figure.layout.width = place.clientWidth;
      figure.layout.height = place.clientHeight;
      if (place.clientWidth) plot.draw(place, figure);
    },
  };
}

/**
 * A row of a column with several numbers a row, without the gaps at its end: the newest, or the one measured last
 * before the step that is held.
 * @param {any} run @param {string} name @param {number} step
 */
function rowOf(run, name, step) {
  const [values, width] = [run.recording.columns[name], run.recording.width(name)];
  if (!values?.length) return null;
  const place = step < 0 ? values.length / width - 1 : rowAt(run.recording.steps(name), step);
  const row = values.subarray(place * width, (place + 1) * width);
  const end = row.findIndex((/** @type {number} */ value) => Number.isNaN(value));
  return end < 0 ? row : row.subarray(0, end);
}

/** @param {any} run @param {Float32Array} x @param {Float32Array} y @param {Float32Array} share */
function pathFigure(run, x, y, share) {
  const [xs, ys] = [Array.from(x), Array.from(y)];
  const title = (/** @type {number} */ i) => ({
    text: `direction ${i + 1} (${percent(share[i] ?? NaN)} of the variance)`,
    font: { size: textSize(), color: colour("--ink-2") },
  });
  return {
    data: [
      { type: "scatter", mode: "lines", x: xs, y: ys, line: { color: run.colour, width: 1.6 }, hoverinfo: "skip" },
      {
        type: "scatter",
        mode: "markers",
        x: [xs[0]],
        y: [ys[0]],
        marker: { color: colour("--ground"), size: 9, line: { color: colour("--ink"), width: 2 } },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "markers",
        x: [xs.at(-1)],
        y: [ys.at(-1)],
        marker: { color: run.colour, size: 9 },
        hoverinfo: "skip",
      },
    ],
    layout: plot.layout({
      margin: MARGIN,
      xaxis: plot.axis({ title: title(0), nticks: 5 }),
      yaxis: plot.axis({ title: title(1), nticks: 5 }),
    }),
  };
}

/** @param {any} facts @param {Float32Array} heights  log odds, row by row from below */
function boundaryFigure(facts, heights) {
  const { n, points, labels } = facts;
  const [x0, x1, y0, y1] = facts.box;
  const along = (/** @type {number} */ low, /** @type {number} */ high) =>
    Array.from({ length: n }, (_, i) => low + (i * (high - low)) / (n - 1));
  const odds = Array.from(heights, (value) => 1 / (1 + Math.exp(-value)));
  const classes = [0, 1].map((label) =>
    points.filter((/** @type {any} */ _, /** @type {number} */ i) => labels[i] === label),
  );
  return {
    data: [
      {
        type: "contour",
        x: along(x0, x1),
        y: along(y0, y1),
        z: Array.from({ length: n }, (_, row) => odds.slice(row * n, (row + 1) * n)),
        colorscale: [
          [0, colour("--height-0")],
          [1, colour("--height-3")],
        ],
        contours: { start: 0.5, end: 0.5, size: 1, coloring: "heatmap" },
        line: { color: colour("--ink"), width: 2 },
        showscale: false,
        hoverinfo: "skip",
      },
      ...classes.map((members, label) => ({
        type: "scatter",
        mode: "markers",
        x: members.map((/** @type {number[]} */ p) => p[0]),
        y: members.map((/** @type {number[]} */ p) => p[1]),
        marker: { size: 5, symbol: label ? "diamond" : "circle-open", color: colour(`--series-${label}`) },
        hoverinfo: "skip",
      })),
    ],
    layout: plot.layout({
      margin: MARGIN,
      xaxis: plot.axis({ range: [x0, x1], nticks: 5 }),
      yaxis: plot.axis({ range: [y0, y1], nticks: 5 }),
    }),
  };
}
