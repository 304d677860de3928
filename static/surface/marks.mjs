// What lies above the contour: paths, heads, starts, minima and the arrows of the current step.

import { DASHES } from "../chart/series.mjs";
import { svg } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { colour } from "../ui/theme.mjs";
import { exitOf } from "./flags.mjs";

/** @typedef {import("../chart/series.mjs").Series} Series */

const MAX_POINTS = 1500;
const ARROW = 64; // px, of the longest arrow
const HEAD = 7;

/** The arrows that may be drawn at the cursor; `name` is the id in the URL. */
export const GLYPHS = [
  { name: "gradient_part", label: "gradient part", sign: "→", scale: "parts", dash: "" },
  { name: "decay_part", label: "decay part", sign: "⇢", scale: "parts", dash: "4 2.5" },
  { name: "gradient", label: "−gradient", sign: "⇢", scale: "gradients", dash: "1.5 2.5" },
  { name: "m", label: "−m", sign: "⇢", scale: "gradients", dash: "7 2.5" },
  { name: "v", label: "√v", sign: "⬭", scale: "gradients", dash: "" },
];

/**
 * SVG path data of a run's first `end` + 1 points.
 * @param {Series} run
 * @param {import("./viewport.mjs").Viewport} viewport
 * @param {number} from
 * @param {number} end
 */
export function pathData(run, viewport, from, end) {
  const { x, y } = run.recording.columns;
  if (!x || !y) return "";
  const last = Math.min(end, x.length - 1);
  const exit = exitOf(run, viewport); // what broke off is cut where it leaves the picture
  if (exit && from > exit.step) return "";
  const stride = Math.max(1, Math.ceil((last - from) / MAX_POINTS));
  let data = "";
  for (let i = from; i <= last; i = i < last ? Math.min(i + stride, last) : i + 1) {
    const [px, py] = [viewport.x(/** @type {number} */ (x[i])), viewport.y(/** @type {number} */ (y[i]))];
    if (Number.isNaN(px) || Number.isNaN(py)) break;
    if (exit && i >= exit.step) return `${data}${data ? "L" : "M"}${exit.x.toFixed(1)} ${exit.y.toFixed(1)}`;
    data += `${data ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
  }
  return data;
}

/**
 * Both halves of a run's path: strong up to the cursor, faint beyond it.
 * @param {Series} run
 * @param {import("./viewport.mjs").Viewport} viewport
 * @param {number} step
 */
export function path(run, viewport, step) {
  const common = {
    fill: "none",
    stroke: run.colour,
    "stroke-linejoin": "round",
    "stroke-linecap": DASHES[run.dash]?.pattern ? "butt" : "round",
    "stroke-dasharray": DASHES[run.dash]?.pattern,
  };
  const last = run.recording.columns.step ? run.recording.columns.step.length - 1 : 0;
  const group = svg("g", { "data-run": run.runner.key });
  if (step < last)
    group.append(svg("path", { ...common, d: pathData(run, viewport, step, last), "stroke-width": 1.5, opacity: 0.3 }));
  group.append(svg("path", { ...common, d: pathData(run, viewport, 0, step), "stroke-width": 2 }));
  return group;
}

/**
 * The run's position at the cursor; none once it has broken off, where it has a flag instead.
 * @param {Series} run
 * @param {import("./viewport.mjs").Viewport} viewport
 * @param {number} step
 */
export function head(run, viewport, step) {
  const at = Math.min(step, lastPlaced(run));
  if (run.recording.broke && step >= (exitOf(run, viewport)?.step ?? 0)) return svg("g", {});
  const [cx, cy] = [viewport.x(run.recording.columns.x?.[at] ?? 0), viewport.y(run.recording.columns.y?.[at] ?? 0)];
  return svg("circle", { cx, cy, r: 5, fill: run.colour, stroke: colour("--ground"), "stroke-width": 1.5 });
}

/** The last row whose position is a finite number. @param {Series} run */
export function lastPlaced(run) {
  const { x, y } = run.recording.columns;
  let at = (x?.length ?? 1) - 1;
  while (at > 0 && !(Number.isFinite(x?.[at]) && Number.isFinite(y?.[at]))) at -= 1;
  return at;
}

const TITLES = { global: "Global minimum of the loss", local: "Local minimum of the loss" };

/**
 * A minimum of the loss (plus sign, small if only local) or of the penalised loss (diamond, in the colour of the run
 * that it belongs to where that is one).
 * @param {import("./minima.mjs").Sign} sign
 * @param {import("./viewport.mjs").Viewport} viewport
 */
export function minimumMark({ x, y, kind, runs }, viewport) {
  const [px, py] = [viewport.x(x), viewport.y(y)];
  const arm = kind === "global" ? 8 : kind === "local" ? 5 : 6;
  const d =
    kind === "penalised"
      ? `M${px - arm} ${py}l${arm} ${-arm}l${arm} ${arm}l${-arm} ${arm}z`
      : `M${px - arm} ${py}h${2 * arm}M${px} ${py - arm}v${2 * arm}`;
  const title =
    kind === "penalised" ? `Minimum of loss and penalty for ${runs.map((run) => run.label).join(", ")}` : TITLES[kind];
  const stroke = runs.length === 1 ? runs[0]?.colour : colour("--ink");
  return svg(
    "g",
    { class: `minimum ${kind === "penalised" ? "penalised" : "loss"}` },
    svg("path", { d, fill: "none", stroke: colour("--ground"), "stroke-width": 4 }),
    svg("path", { d, fill: "none", stroke, "stroke-width": 1.75 }),
    svg("title", {}, document.createTextNode(`${title} (${number(x, 3)}, ${number(y, 3)})`)),
  );
}

/**
 * The chosen arrows of all runs at the cursor, parts on one scale and gradients on another, and the
 * factor by which the parts are magnified.
 * @param {Series[]} runs
 * @param {string[]} names
 * @param {number} step
 * @param {import("./viewport.mjs").Viewport} viewport
 * @returns {{ marks: SVGElement[], drawn: string[], magnified: number | null }}  `drawn`: the names of those to be seen
 */
export function glyphs(runs, names, step, viewport) {
  const chosen = GLYPHS.filter((glyph) => names.includes(glyph.name));
  // A run that broke off has no step to show, and its last one would dwarf all others.
  const going = runs.filter((run) => step <= lastPlaced(run));
  const vectors = going.flatMap((run) =>
    chosen.map((glyph) => ({ run, glyph, vector: vectorOf(run, glyph.name, step) })),
  );
  /** @param {string} scale */
  const longest = (scale) =>
    Math.max(0, ...vectors.filter((v) => v.glyph.scale === scale).map((v) => Math.hypot(...v.vector)));
  const unit = viewport.x(viewport.box[0] ?? 0) - viewport.x((viewport.box[0] ?? 0) - 1); // px of one unit
  /** @type {Record<string, number>} */
  const factor = {};
  for (const scale of ["parts", "gradients"]) factor[scale] = longest(scale) > 0 ? ARROW / longest(scale) : 0;
  /** @type {Set<string>} */
  const drawn = new Set();
  const marks = vectors.flatMap(({ run, glyph, vector }) => {
    const scale = factor[glyph.scale] ?? 0;
    const at = Math.min(Math.max(step - 1, 0), lastPlaced(run)); // where the step was taken from
    const [px, py] = [viewport.x(run.recording.columns.x?.[at] ?? 0), viewport.y(run.recording.columns.y?.[at] ?? 0)];
    const [dx, dy] = [vector[0] * scale, -vector[1] * scale];
    if (!(Math.hypot(dx, dy) > 1)) return [];
    drawn.add(glyph.name);
    const stroke = { stroke: run.colour, fill: "none", "stroke-width": 1.75 };
    const title = svg("title", {}, document.createTextNode(`${run.label}: ${glyph.label}`));
    if (glyph.name === "v") {
      return [
        svg(
          "g",
          {},
          svg("ellipse", { cx: px, cy: py, rx: Math.abs(dx), ry: Math.abs(dy), ...stroke, "stroke-width": 1 }),
          title,
        ),
      ];
    }
    return [
      svg(
        "g",
        {},
        svg("path", { d: arrow(px, py, dx, dy, false), ...stroke, "stroke-dasharray": glyph.dash }),
        svg("path", { d: arrow(px, py, dx, dy, true), ...stroke }),
        title,
      ),
    ];
  });
  return { marks, drawn: [...drawn], magnified: factor.parts ? factor.parts / unit : null };
}

/**
 * Shaft or barbs of an arrow.
 * @param {number} px @param {number} py @param {number} dx @param {number} dy @param {boolean} barbs
 */
function arrow(px, py, dx, dy, barbs) {
  const [x, y] = [px + dx, py + dy];
  if (!barbs) return `M${px} ${py}L${x} ${y}`;
  const angle = Math.atan2(dy, dx);
  const ends = [angle + 2.7, angle - 2.7].map((a) => `${x + HEAD * Math.cos(a)} ${y + HEAD * Math.sin(a)}`);
  return `M${ends[0]}L${x} ${y}L${ends[1]}`;
}

/**
 * @param {Series} run
 * @param {string} name
 * @param {number} step
 * @returns {[number, number]}
 */
function vectorOf(run, name, step) {
  const at = Math.min(Math.max(step, 1), lastPlaced(run));
  /** @param {string} column */
  const value = (column) => {
    const found = run.recording.valueAt(column, at);
    return found !== undefined && Number.isFinite(found) ? found : 0;
  };
  switch (name) {
    case "gradient":
      return [-value("grad_x"), -value("grad_y")];
    case "v":
      return [Math.sqrt(Math.max(value("v_x"), 0)), Math.sqrt(Math.max(value("v_y"), 0))];
    case "m":
      return [-value("m_x"), -value("m_y")];
    default:
      return [-value(`${name}_x`), -value(`${name}_y`)];
  }
}
