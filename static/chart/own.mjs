// What a run's producer measured besides what charts are declared for: each has a chart of its own, and may stand across.

import { TENSOR_METRIC } from "../data/recording.mjs";
import { make } from "../ui/dom.mjs";

const OWN = "own:"; // and the column's name: the id of its chart
const OF_PICTURES = /^(path_|boundary)/; // columns that views of the weights draw

/**
 * The chart with this id, declared or of one's own metric.
 * @param {string} id @param {any} catalogue
 * @returns {import("./chart.mjs").Chart | undefined}
 */
export function chartOf(id, catalogue) {
  if (!id.startsWith(OWN)) return catalogue.charts.find((/** @type {any} */ chart) => chart.id === id);
  const name = id.slice(OWN.length);
  const trace = { type: "scatter", mode: "lines", line: { dash: "solid" }, meta: { x: "step", y: name, label: "" } };
  const titled = (/** @type {string} */ text) => ({ title: { text } });
  return {
    id,
    title: name,
    caption: "As the run's own program measured it.",
    what: `What the run's own program calls ${name}, as it sent it.`,
    mathml: "",
    log_y: false,
    opening: false,
    about: "run",
    figure: { data: [trace], layout: { xaxis: titled("step"), yaxis: titled(name) } },
  };
}

/**
 * Columns of these runs with one number a step that belong to no tensor.
 * @param {any[]} abouts
 * @returns {string[]}
 */
export function scalarsOf(abouts) {
  const names = abouts.flatMap(({ columns = {}, tensors = [] }) => {
    const declared = tensors.map((/** @type {any} */ tensor) => tensor.name);
    // Of a tensor, or of one coordinate of it: NAME/metric, NAME[3]/metric.
    const ofTensor = (/** @type {string} */ name) =>
      declared.length
        ? declared.includes(name.slice(0, Math.max(name.lastIndexOf("/"), 0)).replace(/\[\d+\]$/, ""))
        : TENSOR_METRIC.test(name);
    return Object.keys(columns).filter((name) => columns[name] === 1 && !OF_PICTURES.test(name) && !ofTensor(name));
  });
  return [...new Set(names)];
}

/**
 * The charts of those of them that no declared chart shows.
 * @param {any[]} abouts @param {any} catalogue
 */
export function ownCharts(abouts, catalogue) {
  const shown = new Set(catalogue.charts.flatMap((/** @type {any} */ c) => c.figure.data.map(yOf)));
  const own = scalarsOf(abouts).filter((name) => !shown.has(name));
  return own.flatMap((name) => chartOf(`${OWN}${name}`, catalogue) ?? []);
}

/** @param {any} trace */
function yOf({ meta }) {
  return meta.y;
}

/**
 * What stands across: the step, or any number that the runs have of one.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store  with `x`, empty for the step
 */
export function mountAcross(root, store) {
  const choice = make("select", { "aria-label": "Horizontal axis" });
  choice.addEventListener("change", () => store.set({ x: choice.value, range: null }));
  root.append(make("label", { class: "live-setting" }, "Across ", choice));
  let offered = "";
  function render() {
    const { runs, x } = store.get();
    const names = scalarsOf(runs);
    if (x && !names.includes(x)) names.push(x);
    if (String(names) !== offered) {
      offered = String(names);
      choice.replaceChildren(
        make("option", { value: "" }, "step"),
        ...names.map((name) => make("option", { value: name }, name)),
      );
    }
    choice.value = x;
  }
  store.on(["runs", "x"], render);
  render();
}
