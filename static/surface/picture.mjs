// The picture of the surface as one file: Plotly's contour below, the marks above.

import * as plot from "../chart/plot.mjs";
import { cursor } from "../ui/player.mjs";
import { colour } from "../ui/theme.mjs";
import { contour } from "./contour.mjs";
import { relief } from "./relief.mjs";

/**
 * @param {any} state
 * @param {{ viewport: import("./viewport.mjs").Viewport, marks: SVGSVGElement }} scene
 * @param {"png" | "svg"} format
 * @returns {Promise<Blob | string>}
 */
export async function scenePicture(state, { viewport, marks }, format) {
  const { width, height } = viewport;
  if (state.dimensions === "3d") {
    return plot.picture(
      relief(state.grid, state.visible, state.starts, state.levels, cursor(state)),
      format,
      width,
      height,
    );
  }
  const base = await plot.picture(contour(state.grid, viewport, state.levels), "svg", width, height);
  const text = decodeURIComponent(base.slice(base.indexOf(",") + 1));
  const whole = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const copy = /** @type {SVGSVGElement} */ (marks.cloneNode(true));
  // The file has no style sheet: what the page's gives the handles is written into them.
  for (const circle of copy.querySelectorAll(".start circle")) {
    circle.setAttribute("fill", circle.classList.contains("dot") ? colour("--ink") : "none");
    if (circle.classList.contains("grab")) circle.remove();
    else if (circle.classList.contains("handle")) circle.setAttribute("stroke", colour("--ink"));
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  whole.append(copy);
  whole.append(legend(state.visible, width));
  const drawing = new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" });
  return format === "svg" ? drawing : raster(drawing, width, height);
}

/** @param {import("../chart/series.mjs").Series[]} runs @param {number} width */
function legend(runs, width) {
  const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  runs
    .filter((run) => run.start === runs[0]?.start)
    .forEach((run, i) => {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [name, value] of Object.entries({
        x: width - 16,
        y: 28 + 18 * i,
        fill: run.colour,
        "text-anchor": "end",
        "font-family": "sans-serif",
        "font-size": 14,
      })) {
        text.setAttribute(name, String(value));
      }
      text.textContent = run.label;
      group.append(text);
    });
  return group;
}

/** @param {Blob} drawing @param {number} width @param {number} height @returns {Promise<Blob>} */
async function raster(drawing, width, height) {
  const url = URL.createObjectURL(drawing);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * width, 2 * height];
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser gives no canvas to draw on; save as SVG instead.");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) =>
        blob ? resolve(blob) : reject(new Error("The picture could not be made; save as SVG instead.")),
      ),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
