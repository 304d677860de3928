// The only module that speaks to Plotly.

import { colour } from "../ui/theme.mjs";

/** @typedef {{ data: any[], layout: any }} Figure */

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false };

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
  const layout = /** @type {any} */ (element)._fullLayout;
  const lines = element.querySelectorAll(".scatterlayer .trace .js-line");
  const { xaxis, yaxis } = figure.layout;
  const same = layout?.yaxis?.type === yaxis.type && String(layout.xaxis.range) === String(xaxis.range);
  if (!same || lines.length !== figure.data.length || figure.data.some((trace) => trace.type !== "scatter"))
    return false;
  figure.data.forEach((trace, i) => {
    let data = "";
    let open = false;
    for (let k = 0; k < trace.x.length; k++) {
      const y = trace.y[k];
      const [px, py] = [layout.xaxis.d2p(trace.x[k]), y === null || y === undefined ? NaN : layout.yaxis.d2p(y)];
      if (Number.isFinite(py)) {
        data += `${open ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`;
        open = true;
      } else if (!trace.connectgaps) open = false;
    }
    lines[i]?.setAttribute("d", data || "M0,0");
  });
  return true;
}

/** @param {HTMLElement} element @param {object} layout  changes only */
export async function relayout(element, layout) {
  const Plotly = await plotly();
  if (isDrawn(element)) await Plotly.relayout(element, layout);
}

/** @param {HTMLElement} element */
export async function clear(element) {
  (await plotly()).purge(element);
}

/** @param {HTMLElement} element */
export function isDrawn(element) {
  return Boolean(/** @type {any} */ (element)._fullLayout);
}

/**
 * How the drawn plot places numbers, in pixels from the element's corner.
 * @param {HTMLElement} element
 * @returns {{ x: (value: number) => number, y: (value: number) => number, stepAt: (px: number) => number,
 *   left: number, right: number, top: number, bottom: number } | null}
 */
export function scales(element) {
  const layout = /** @type {any} */ (element)._fullLayout;
  if (!layout?.xaxis?.d2p) return null;
  const { xaxis, yaxis } = layout;
  return {
    x: (value) => xaxis._offset + xaxis.d2p(value),
    y: (value) => yaxis._offset + yaxis.d2p(value),
    stepAt: (px) => xaxis.p2d(px - xaxis._offset),
    left: xaxis._offset,
    right: xaxis._offset + xaxis._length,
    top: yaxis._offset,
    bottom: yaxis._offset + yaxis._length,
  };
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
    tickfont: { size: 11, color: colour("--ink-2") },
    title: { font: { size: 11, color: colour("--ink-2") } },
    exponentformat: "power",
    ticks: "",
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
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: colour("--ink") },
    showlegend: false,
    hovermode: false,
    dragmode: false,
    ...own,
  };
}
