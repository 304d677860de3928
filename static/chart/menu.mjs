// The menu of a chart: save it as a picture or as numbers, remove it, read what it shows.

import { rowsOf } from "../data/columns.mjs";
import { closing, download, make, math } from "../ui/dom.mjs";
import { eventShapes } from "./events.mjs";
import { picture } from "./plot.mjs";

/**
 * @typedef {{ figure: import("./plot.mjs").Figure, drawn: import("./traces.mjs").Drawn[],
 *   marked: import("./events.mjs").Marked[], x: string, settings: string }} Shown  settings: of what is drawn, in a line
 */

/** The settings, below the axes of a picture. @param {string} text */
function settingsNote(text) {
  const below = { xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", yshift: -44 };
  return { ...below, text, showarrow: false, align: "left", font: { size: 12 } };
}

/**
 * @param {import("./chart.mjs").Chart} chart
 * @param {{ shown: () => Shown, remove: () => void }} actions
 */
export function chartMenu(chart, { shown, remove }) {
  const menu = make(
    "details",
    { class: "menu" },
    make("summary", { "aria-label": `Menu of ${chart.title}` }, "⋯"),
    make(
      "div",
      { class: "menu-items" },
      make("button", { type: "button", onclick: () => save("png") }, "Save as PNG"),
      make("button", { type: "button", onclick: () => save("svg") }, "Save as SVG"),
      make("button", { type: "button", onclick: saveCsv }, "Save as CSV"),
      make("button", { type: "button", onclick: remove }, "Remove"),
      make(
        "div",
        { class: "what" },
        make("strong", {}, "What is this?"),
        make("p", {}, chart.what),
        math(chart.mathml),
      ),
    ),
  );
  closing(menu);

  /** @param {"png" | "svg"} format */
  async function save(format) {
    menu.open = false;
    const { figure, marked, x, settings } = shown();
    const named = (/** @type {"xaxis" | "yaxis"} */ axis, text = "") => ({
      ...figure.layout[axis],
      title: { text },
      automargin: true,
    });
    const layout = {
      ...figure.layout,
      title: { text: chart.title, font: { size: 16 }, subtitle: { text: chart.caption }, x: 0, xref: "paper" },
      showlegend: true,
      margin: { l: 60, r: 20, t: 72, b: 72 },
      xaxis: named("xaxis", x),
      yaxis: named("yaxis", chart.figure.layout.yaxis?.title?.text),
      ...eventShapes(marked),
    };
    layout.annotations = [...layout.annotations, settingsNote(settings)];
    download(`optimscope-${chart.id}.${format}`, await picture({ data: figure.data, layout }, format, 900, 480));
  }

  function saveCsv() {
    menu.open = false;
    const { drawn } = shown();
    const head = ["step", ...drawn.map((d) => JSON.stringify(`${d.run.label} ${d.column}`))];
    const lines = [head, ...rowsOf(drawn)].map((row) => `${row.join(",")}\n`);
    download(`optimscope-${chart.id}.csv`, new Blob(lines, { type: "text/csv" }));
  }

  return menu;
}
