// The surface as a relief in three dimensions, with the paths lying on it.

import { layout } from "../chart/plot.mjs";
import { extent } from "../data/columns.mjs";
import { colour, textSize } from "../ui/theme.mjs";
import { colourscale, heightScale, rows } from "./contour.mjs";

/**
 * @typedef {import("./contour.mjs").Grid} Grid
 * @typedef {(number | null)[][]} Line  x, y and z; a gap where it is out of sight
 */

/**
 * @param {Grid} grid
 * @param {import("../chart/series.mjs").Series[]} runs
 * @param {import("../data/address.mjs").Point[]} starts
 * @param {string} levels
 * @param {number} step
 */
export function relief(grid, runs, starts, levels, step) {
  const scale = heightScale(grid, levels);
  const heights = rows(grid, scale);
  const [low, high] = extent(heights.flatMap((row) => extent(row)));
  // Lines lie a hair above the surface, or it would swallow half of them.
  const lift = 0.02 * (high - low);
  const on = surfaceOf(grid, heights);
  const paths = runs.flatMap((run) => {
    const [x, y, z] = draped(run.recording.columns, step, on, lift);
    const tip = (x?.length ?? 0) - 1;
    const common = { type: "scatter3d", hoverinfo: "skip" };
    return [
      { ...common, mode: "lines", x, y, z, line: { color: run.colour, width: 6 } },
      {
        ...common,
        mode: "markers",
        x: [x?.[tip]],
        y: [y?.[tip]],
        z: [z?.[tip]],
        marker: { color: run.colour, size: 5, line: { color: colour("--ground"), width: 1 } },
      },
    ];
  });
  const points = (/** @type {number[][]} */ at, /** @type {object} */ marker) => ({
    type: "scatter3d",
    mode: "markers",
    x: at.map(([x]) => x),
    y: at.map(([, y]) => y),
    z: at.map(([x = 0, y = 0]) => (on(x, y) ?? NaN) + lift),
    marker,
    hoverinfo: "skip",
  });
  const lowest = grid.minima.filter(({ edge, global }) => global && !edge).map(({ x, y }) => [x, y]);
  return {
    data: [
      {
        type: "surface",
        x: grid.x,
        y: grid.y,
        z: heights,
        colorscale: colourscale(),
        showscale: false,
        contours: { z: { show: true, color: colour("--height-line"), width: 1, ...levelsOf(low, high) } },
        // Light from one side: slopes that turn away from it are darker, so that depth shows.
        lighting: { ambient: 0.55, diffuse: 0.65, specular: 0.04, roughness: 0.9, fresnel: 0.05 },
        lightposition: { x: -2e4, y: -4e4, z: 6e4 },
        hoverinfo: "skip",
      },
      ...paths,
      points(starts, { symbol: "circle-open", color: colour("--ink"), size: 6, line: { width: 2 } }),
      points(lowest, { symbol: "cross", color: colour("--ink"), size: 4 }),
    ],
    layout: layout({
      margin: { l: 0, r: 0, t: 0, b: 0 },
      uirevision: "camera",
      dragmode: "orbit",
      scene: {
        xaxis: side("x"),
        yaxis: side("y"),
        zaxis: { ...side(levels === "log" ? "loss, log" : "loss"), showticklabels: levels !== "log" },
        aspectmode: "manual",
        aspectratio: { x: 1.3, y: 1.3, z: 0.5 },
        camera: { eye: { x: 0.85, y: -1.3, z: 1.5 }, center: { x: 0, y: 0, z: -0.15 } }, // from above, into valleys
      },
    }),
  };
}

/**
 * The height of the drawn surface at a point: straight between the points of its grid, as it is drawn; null outside.
 * @param {Grid} grid
 * @param {Float64Array[]} heights
 */
export function surfaceOf({ x, y }, heights) {
  const [x0 = 0, y0 = 0] = [x[0], y[0]];
  const [dx, dy] = [((x.at(-1) ?? 0) - x0) / (x.length - 1), ((y.at(-1) ?? 0) - y0) / (y.length - 1)];
  return (/** @type {number} */ px, /** @type {number} */ py) => {
    const [u, v] = [(px - x0) / dx, (py - y0) / dy];
    if (!(u >= 0 && v >= 0 && u <= x.length - 1 && v <= y.length - 1)) return null;
    const [i, j] = [Math.min(Math.floor(u), x.length - 2), Math.min(Math.floor(v), y.length - 2)];
    const [a, b] = [u - i, v - j];
    const at = (/** @type {number} */ row, /** @type {number} */ column) => heights[row]?.[column] ?? NaN;
    return (1 - b) * ((1 - a) * at(j, i) + a * at(j, i + 1)) + b * ((1 - a) * at(j + 1, i) + a * at(j + 1, i + 1));
  };
}

/**
 * A path laid over the surface: a long step follows the ground below it instead of cutting through a hill.
 * @param {Record<string, ArrayLike<number>>} columns
 * @param {number} end  the last step that is drawn
 * @param {(x: number, y: number) => number | null} on
 * @param {number} lift
 * @param {number} [pieces]  of a step as long as the picture
 * @returns {Line}
 */
export function draped({ x = [], y = [] }, end, on, lift, pieces = 60) {
  /** @type {Line} */
  const line = [[], [], []];
  const put = (/** @type {number} */ px, /** @type {number} */ py) => {
    const height = on(px, py);
    line[0]?.push(height === null ? null : px);
    line[1]?.push(height === null ? null : py);
    line[2]?.push(height === null ? null : height + lift);
  };
  const last = Math.min(end, x.length - 1);
  const [width, depth] = [x, y].map((values) => {
    const [low, high] = extent(values);
    return high - low || 1;
  });
  for (let i = 0; i <= last; i++) {
    const [px = NaN, py = NaN] = [x[i], y[i]];
    if (i > 0) {
      const [qx = NaN, qy = NaN] = [x[i - 1], y[i - 1]];
      const share = Math.max(Math.abs(px - qx) / (width ?? 1), Math.abs(py - qy) / (depth ?? 1));
      const between = Number.isFinite(share) ? Math.ceil(share * pieces) : 1;
      for (let k = 1; k < between; k++) put(qx + ((px - qx) * k) / between, qy + ((py - qy) * k) / between);
    }
    put(px, py);
  }
  return line;
}

/** About a dozen level lines. @param {number} low @param {number} high */
function levelsOf(low, high) {
  return { start: low, end: high, size: (high - low) / 12 || 1 };
}

/** @param {string} title */
function side(title) {
  return {
    title: { text: title, font: { size: textSize() } },
    tickfont: { size: textSize() },
    nticks: 5,
    color: colour("--ink-2"),
    gridcolor: colour("--line"),
    backgroundcolor: colour("--ground"),
    showspikes: false,
    exponentformat: "power",
  };
}
