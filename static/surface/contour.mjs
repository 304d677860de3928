// The surface itself as Plotly figures: a contour, or a relief with the paths on it.

import { axis, layout } from "../chart/plot.mjs";
import { DASHES } from "../chart/series.mjs";
import { extent } from "../data/columns.mjs";
import { colour } from "../ui/theme.mjs";
import { MARGIN } from "./viewport.mjs";

/**
 * A grid as the server gives it.
 * @typedef {{ x: Float32Array, y: Float32Array, z: Float32Array & { shape: number[] }, minima: { x: number, y: number, loss: number | null, edge: boolean, global: boolean }[] }} Grid
 */

// Heights within this part of the whole range above the lowest are one level on the logarithmic scale.
const LOG_FLOOR = 1e-4;

/**
 * How heights are shown: themselves, or the decades above the lowest of them.
 * @param {Grid} grid
 * @param {string} levels  "log" or "linear"
 */
function heightScale(grid, levels) {
  let [low, high] = extent(grid.z);
  for (const { loss } of grid.minima) low = Math.min(low, loss ?? Infinity);
  if (levels !== "log" || !(high > low)) return (/** @type {number} */ z) => z;
  const floor = (high - low) * LOG_FLOOR;
  return (/** @type {number} */ z) => Math.log10(Math.max(z - low, 0) + floor);
}

/** @param {Grid} grid @param {(z: number) => number} scale */
function rows(grid, scale) {
  const [ny = 0, nx = 0] = grid.z.shape;
  return Array.from({ length: ny }, (_, i) => Float64Array.from(grid.z.subarray(i * nx, (i + 1) * nx), scale));
}

function colourscale() {
  const heights = [0, 1, 2, 3].map((i) => colour(`--height-${i}`));
  return heights.map((value, i) => [i / 3, value]);
}

/**
 * @param {Grid} grid
 * @param {import("./viewport.mjs").Viewport} viewport
 * @param {string} levels
 */
export function contour(grid, viewport, levels) {
  const [x0, x1, y0, y1] = viewport.box;
  return {
    data: [
      {
        type: "contour",
        x: grid.x,
        y: grid.y,
        z: rows(grid, heightScale(grid, levels)),
        colorscale: colourscale(),
        showscale: false,
        ncontours: 24,
        line: { width: 0.75, color: colour("--height-line") },
        contours: { coloring: "heatmap" },
        hoverinfo: "skip",
      },
    ],
    layout: layout({
      margin: { ...MARGIN },
      width: viewport.width,
      height: viewport.height,
      xaxis: axis({ range: [x0, x1], showgrid: false, zeroline: false, title: undefined }),
      yaxis: axis({ range: [y0, y1], showgrid: false, zeroline: false, title: undefined }),
    }),
  };
}

/**
 * @param {Grid} grid
 * @param {import("../chart/series.mjs").Series[]} runs
 * @param {string} levels
 * @param {number} step
 */
export function relief(grid, runs, levels, step) {
  const scale = heightScale(grid, levels);
  const inside = (/** @type {number} */ x, /** @type {number} */ y) =>
    x >= (grid.x[0] ?? 0) && x <= (grid.x.at(-1) ?? 0) && y >= (grid.y[0] ?? 0) && y <= (grid.y.at(-1) ?? 0);
  const heights = rows(grid, scale);
  const ends = extent(heights.flatMap((row) => extent(row)));
  // Paths lie a hair above the surface, or it would swallow half of them.
  const lift = 0.01 * (ends[1] - ends[0]);
  const paths = runs.flatMap((run) => {
    const { x, y, loss } = run.recording.columns;
    if (!x || !y || !loss) return [];
    const end = Math.min(step, x.length - 1);
    /** @type {(number | null)[][]} */
    const line = [[], [], []];
    for (let i = 0; i <= end; i++) {
      const [px, py] = [/** @type {number} */ (x[i]), /** @type {number} */ (y[i])];
      const shown = inside(px, py);
      line[0]?.push(shown ? px : null);
      line[1]?.push(shown ? py : null);
      line[2]?.push(shown ? scale(/** @type {number} */ (loss[i])) + lift : null);
    }
    const tip = (line[0]?.length ?? 0) - 1;
    return [
      {
        type: "scatter3d",
        mode: "lines",
        x: line[0],
        y: line[1],
        z: line[2],
        line: { color: run.colour, width: 5, dash: DASHES[run.dash]?.plotly },
        hoverinfo: "skip",
      },
      {
        type: "scatter3d",
        mode: "markers",
        x: [line[0]?.[tip]],
        y: [line[1]?.[tip]],
        z: [line[2]?.[tip]],
        marker: { color: run.colour, size: 4 },
        hoverinfo: "skip",
      },
    ];
  });
  const side = (/** @type {string} */ title) => ({
    title: { text: title },
    color: colour("--ink-2"),
    gridcolor: colour("--line"),
    backgroundcolor: colour("--ground"),
    showspikes: false,
    exponentformat: "power",
  });
  return {
    data: [
      {
        type: "surface",
        x: grid.x,
        y: grid.y,
        z: heights,
        colorscale: colourscale().map(([at, c], i) => [at, i === 0 ? colour("--height-line") : c]),
        showscale: false,
        opacity: 0.92,
        contours: { z: { show: true, color: colour("--height-line"), width: 1 } },
        lighting: { ambient: 0.8, diffuse: 0.4, specular: 0.05 },
        hoverinfo: "skip",
      },
      ...paths,
    ],
    layout: layout({
      margin: { l: 0, r: 0, t: 0, b: 0 },
      uirevision: "camera",
      dragmode: "orbit",
      scene: {
        xaxis: side("x"),
        yaxis: side("y"),
        zaxis: side(levels === "log" ? "log₁₀ of the loss above its lowest" : "loss"),
        aspectmode: "manual",
        aspectratio: { x: 1.2, y: 1.2, z: 0.7 },
        camera: { eye: { x: 1.3, y: -1.5, z: 0.9 } },
      },
    }),
  };
}
