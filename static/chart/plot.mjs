// The only module that speaks to Plotly.

import { colour, textSize } from "../ui/theme.mjs";
import { scalesOf } from "./axis.mjs";

/** @typedef {{ data: any[], layout: any }} Figure */

// A page that redraws its charts may see the second click late.
const CONFIG = {
  displayModeBar: false,
  responsive: false,
  doubleClick: false,
  doubleClickDelay: 600,
  showTips: false,
};

const BACK = 0.15; // what a line keeps while another is brought out

/** @type {Promise<any> | undefined} */
let loading;

/** Plotly itself, fetched once, when the first plot is wanted. */
function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../plotly.min.js", import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error("Plotly could not be loaded; reload the page."));
    document.head.append(script);
  });
  return loading;
}

/** Has Plotly ready by the time that the numbers to draw are there: it takes the browser half a second to read. */
export function warm() {
  plotly();
}

/**
 * Draws `figure` in `element`, reusing what is there; returns when it is on the page.
 * @param {HTMLElement} element
 * @param {Figure} figure
 */
export async function draw(element, figure) {
  const Plotly = await plotly();
  await Plotly.react(element, figure.data, figure.layout, CONFIG);
}

/**
 * Moves the lines of what is drawn to the figure's values and leaves the axes as they are: a tenth of
 * the cost of drawing anew, for pictures that follow a slider. False where that cannot be done.
 * @param {HTMLElement} element
 * @param {Figure} figure
 */
export function sketch(element, figure) {
  const drawn = layoutOf(element);
  const lines = element.querySelectorAll(".scatterlayer .trace .js-line");
  const { xaxis, yaxis } = figure.layout;
  const same = drawn?.yaxis.type === yaxis.type && String(drawn?.xaxis.range) === String(xaxis.range);
  if (!drawn || !same || lines.length !== figure.data.length) return false;
  // Points would stay where they are.
  if (figure.data.some(({ type, mode }) => type !== "scatter" || mode !== "lines")) return false;
  const at = scalesOf(drawn);
  figure.data.forEach((trace, i) => {
    let data = "";
    let open = false;
    for (let k = 0; k < trace.x.length; k++) {
      const y = trace.y[k];
      // Plotly draws its lines from the corner of the plot, not of the element.
      const [px, py] = [at.x(trace.x[k]) - at.left, y === null || y === undefined ? NaN : at.y(y) - at.top];
      if (Number.isFinite(py)) {
        data += `${open ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`;
        open = true;
      } else open = false;
    }
    lines[i]?.setAttribute("d", data || "M0,0");
  });
  return true;
}

/**
 * Has some of the drawn traces step back; `forward` tells of each whether it stays as it is.
 * @param {HTMLElement} element @param {any[]} data  of the figure @param {boolean[]} forward
 */
export function emphasise(element, data, forward) {
  element.querySelectorAll(".scatterlayer .trace").forEach((trace, i) => {
    const own = data[i]?.opacity ?? 1;
    /** @type {SVGElement} */ (trace).style.opacity = String(forward[i] === false ? own * BACK : own);
  });
}

/** @param {HTMLElement} element */
export async function clear(element) {
  (await plotly()).purge(element);
}

/** The layout of what is drawn, with the ranges as they are now; null before. @param {HTMLElement} element */
function layoutOf(element) {
  const { layout } = /** @type {any} */ (element);
  return layout?.xaxis?.range && layout.yaxis?.range ? layout : null;
}

/** How the drawn plot places numbers, in pixels from the element's corner; null before. @param {HTMLElement} element */
export function scales(element) {
  const drawn = layoutOf(element);
  return drawn && scalesOf(drawn);
}

/**
 * Calls `listener` with the x range after a zoom by the user, null after a double click.
 * @param {HTMLElement} element
 * @param {(range: number[] | null) => void} listener
 */
export function onZoom(element, listener) {
  const plot = /** @type {any} */ (element);
  plot.on?.("plotly_relayout", (/** @type {any} */ change) => {
    if ("xaxis.range[0]" in change) listener([change["xaxis.range[0]"], change["xaxis.range[1]"]]);
  });
  plot.on?.("plotly_doubleclick", () => listener(null));
}

/**
 * The figure as a data URL.
 * @param {Figure} figure
 * @param {"png" | "svg"} format
 * @param {number} width
 * @param {number} height
 * @returns {Promise<string>}
 */
export async function picture(figure, format, width, height) {
  const Plotly = await plotly();
  return Plotly.toImage(
    { ...figure, layout: { ...figure.layout, paper_bgcolor: colour("--ground") } },
    { format, width, height, scale: format === "png" ? 2 : 1 },
  );
}

/** What every axis has in common. @param {object} [own] */
export function axis(own = {}) {
  return {
    gridcolor: colour("--line"),
    linecolor: colour("--line-strong"),
    zerolinecolor: colour("--line-strong"),
    tickfont: { size: textSize(), color: colour("--ink-2") },
    title: { font: { size: textSize(), color: colour("--ink-2") } },
    exponentformat: "power",
    ticks: "",
    tickangle: 0,
    automargin: false,
    ticklabeloverflow: "allow", // anything else lays out every label twice
    ...own,
  };
}

/** What every layout has in common. @param {object} [own] @returns {any} */
export function layout(own = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: textSize(), color: colour("--ink") },
    showlegend: false,
    hovermode: false,
    dragmode: false,
    ...own,
  };
}
