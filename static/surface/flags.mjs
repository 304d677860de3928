// Where a run that broke off leaves the picture: its path is cut there, with a flag that says so.

import { svg } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {import("./viewport.mjs").Viewport} Viewport
 * @typedef {{ step: number, x: number, y: number }} Exit  the first step that lies outside, and where its way crosses
 *   the edge, in px; of a run that broke off in sight its last place
 */

const LINE = 18; // px between flags that would lie over each other
const ARM = 5; // px, half a cross

/**
 * Where a run that broke off is cut; null for one that went on, or was never in sight.
 * @param {Series} run
 * @param {Viewport} viewport
 * @returns {Exit | null}
 */
export function exitOf(run, viewport) {
  if (!run.recording.broke) return null;
  const { x = [], y = [] } = run.recording.columns;
  const [x0 = 0, x1 = 0, y0 = 0, y1 = 0] = viewport.box;
  const inside = (/** @type {number} */ i) => {
    const [px = NaN, py = NaN] = [x[i], y[i]];
    return px >= x0 && px <= x1 && py >= y0 && py <= y1;
  };
  let last = x.length - 1;
  while (last >= 0 && !inside(last)) last -= 1;
  if (last < 0) return null;
  const [fromX = 0, fromY = 0] = [x[last], y[last]];
  const [toX = NaN, toY = NaN] = [x[last + 1], y[last + 1]];
  if (!(Number.isFinite(toX) && Number.isFinite(toY)))
    return { step: last, x: viewport.x(fromX), y: viewport.y(fromY) };
  // The share of the way at which it crosses each side that lies ahead.
  const share = Math.min(
    1,
    ...[
      [toX - fromX, x0 - fromX, x1 - fromX],
      [toY - fromY, y0 - fromY, y1 - fromY],
    ].map(([way = 0, low = 0, high = 0]) => (way ? (way < 0 ? low : high) / way : Infinity)),
  );
  return {
    step: last + 1,
    x: viewport.x(fromX + share * (toX - fromX)),
    y: viewport.y(fromY + share * (toY - fromY)),
  };
}

/**
 * A flag for each run that has left by `step`, none over another.
 * @param {Series[]} runs
 * @param {Viewport} viewport
 * @param {number} step
 */
export function flags(runs, viewport, step) {
  const { margin, width, height } = viewport;
  /** @type {{ x: number, y: number }[]} */
  const placed = [];
  return runs.flatMap((run) => {
    const exit = exitOf(run, viewport);
    if (!exit || step < exit.step) return [];
    const x = Math.min(Math.max(exit.x, margin.l + ARM + 4), width - margin.r - ARM - 4);
    let y = Math.min(Math.max(exit.y, margin.t + ARM + 4), height - margin.b - ARM - 4);
    const down = y < height / 2 ? 1 : -1;
    while (placed.some((other) => Math.abs(other.x - x) < 150 && Math.abs(other.y - y) < LINE)) y += down * LINE;
    placed.push({ x, y });
    const left = x > (margin.l + width - margin.r) / 2;
    const { outcome, about, reason } = run.recording;
    return [
      svg(
        "g",
        { class: "flag", stroke: run.colour, fill: run.colour, "stroke-width": 2.5 },
        svg("path", { d: `M${x - ARM} ${y - ARM}l${2 * ARM} ${2 * ARM}m0 ${-2 * ARM}l${-2 * ARM} ${2 * ARM}` }),
        svg(
          "text",
          { x: left ? x - 2 * ARM : x + 2 * ARM, y: y + 4, "text-anchor": left ? "end" : "start", stroke: "none" },
          document.createTextNode(`${outcome} at ${count(about.steps)}`),
        ),
        svg("title", {}, document.createTextNode(`${run.label}: ${reason}`)),
      ),
    ];
  });
}
