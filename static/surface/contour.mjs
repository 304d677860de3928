// The surface itself as a Plotly figure: a contour.

import { axis, layout } from "../chart/plot.mjs";
import { extent } from "../data/columns.mjs";
import { colour } from "../ui/theme.mjs";

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
export function heightScale(grid, levels) {
  let [low, high] = extent(grid.z);
  for (const { loss } of grid.minima) low = Math.min(low, loss ?? Infinity);
  if (levels !== "log" || !(high > low)) return (/** @type {number} */ z) => z;
  const floor = (high - low) * LOG_FLOOR;
  return (/** @type {number} */ z) => Math.log10(Math.max(z - low, 0) + floor);
}

/** @param {Grid} grid @param {(z: number) => number} scale */
export function rows(grid, scale) {
  const [ny = 0, nx = 0] = grid.z.shape;
  return Array.from({ length: ny }, (_, i) => Float64Array.from(grid.z.subarray(i * nx, (i + 1) * nx), scale));
}

export function colourscale() {
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
      margin: { ...viewport.margin },
      width: viewport.width,
      height: viewport.height,
      xaxis: side([x0, x1], viewport.ticks.x),
      yaxis: side([y0, y1], viewport.ticks.y),
    }),
  };
}

/** An axis with these ticks, which lie as they are written. @param {(number | undefined)[]} range @param {import("./viewport.mjs").Ticks} ticks */
function side(range, { values, texts }) {
  return axis({
    range,
    tickmode: "array",
    tickvals: values,
    ticktext: texts,
    tickangle: 0,
    showgrid: false,
    zeroline: false,
    title: undefined,
  });
}
