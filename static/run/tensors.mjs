// The table of a run's tensors: shape, group and why, values at the cursor, a small line; choosing one.

import { extent, rowAt, thin } from "../data/columns.mjs";
import { make, svg } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";

const METRICS = [
  { name: "weight_norm", title: "weight norm" },
  { name: "effective_lr_median", title: "effective η, median" },
  { name: "effective_decay", title: "effective decay" },
];
const [WIDTH, HEIGHT] = [96, 20];

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountTensors(root, store) {
  const search = make("input", {
    type: "text",
    placeholder: "Search tensors",
    "aria-label": "Search tensors",
    oninput: render,
  });
  const body = make("tbody", {});
  const heads = ["tensor", "shape", "decay", ...METRICS.map((m) => m.title), "weight norm so far"];
  root.append(
    make("div", { class: "table-tools" }, search),
    make(
      "div",
      { class: "table-scroll", tabindex: 0 },
      make(
        "table",
        { class: "tensors" },
        make(
          "thead",
          {},
          make("tr", {}, ...heads.map((h, i) => make("th", { scope: "col", class: i === 2 ? "word" : undefined }, h))),
        ),
        body,
      ),
    ),
  );
  /** @type {Map<string, { row: HTMLElement, facts: [HTMLElement, HTMLElement], cells: HTMLElement[], line: SVGPathElement, button: HTMLElement }>} */
  const rows = new Map();

  function render() {
    const { visible, tensor } = store.get();
    const [run] = visible;
    if (!run) return;
    const section = root.closest("section");
    const { about, columns, tensors } = run.recording;
    if (section) section.hidden = Boolean(about.finished) && !tensors.length; // nothing of tensors was logged
    const facts = new Map((about.tensors ?? []).map((/** @type {any} */ t) => [t.name, t]));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = tensors.filter((/** @type {string} */ name) =>
      words.every((word) => name.toLowerCase().includes(word)),
    );
    const elements = shown.map((/** @type {string} */ name) => {
      const made = rows.get(name) ?? makeRow(name);
      rows.set(name, made);
      const [shape, reason] = made.facts;
      shape.textContent = facts.get(name)?.shape?.join("×") ?? "";
      reason.textContent = reason.title = facts.get(name)?.reason ?? "";
      const step = cursor(store.get());
      METRICS.forEach((metric, i) => {
        const column = `${name}/${metric.name}`;
        const row = rowAt(run.recording.steps(column), step);
        const cell = made.cells[i];
        if (cell) cell.textContent = number(columns[column]?.[row], 3);
      });
      made.line.setAttribute("d", sparkline(columns[`${name}/weight_norm`]));
      made.line.setAttribute("stroke", run.colour);
      made.row.classList.toggle("chosen", name === tensor);
      made.button.setAttribute("aria-pressed", String(name === tensor));
      return made.row;
    });
    if (
      elements.length !== body.children.length ||
      elements.some((/** @type {Element} */ e, /** @type {number} */ i) => e !== body.children[i])
    )
      body.replaceChildren(...elements);
  }

  /** @param {string} name */
  function makeRow(name) {
    /** @type {[HTMLElement, HTMLElement]} */
    const facts = [make("td", {}), make("td", { class: "word" })];
    const cells = METRICS.map(() => make("td", {}));
    const line = svg("path", { fill: "none", "stroke-width": 1.25, "stroke-linecap": "round" });
    const button = make(
      "button",
      { type: "button", class: "plain", onclick: () => store.set({ tensor: store.get().tensor === name ? "" : name }) },
      name,
    );
    const row = make(
      "tr",
      {},
      make("th", { scope: "row" }, button),
      ...facts,
      ...cells,
      make("td", { class: "spark" }),
    );
    row.lastElementChild?.append(
      svg("svg", { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, line),
    );
    return { row, facts, cells, line, button };
  }

  store.on(["visible", "tensor", "step", "hover"], render);
  render();
}

/**
 * Path data of a small line over these values.
 * @param {ArrayLike<number | null> | undefined} values
 * @param {number} [width]
 * @param {number} [height]
 */
export function sparkline(values, width = WIDTH, height = HEIGHT) {
  if (!values || values.length < 2) return "";
  const [low, high] = extent(values);
  let data = "";
  let open = false;
  for (const i of thin(values, null, 2 * width)) {
    const value = values[i];
    const drawn = value !== null && value !== undefined && Number.isFinite(value);
    if (drawn) {
      const x = (i / (values.length - 1)) * width;
      const y = height - 2 - ((value - low) / (high - low || 1)) * (height - 4);
      data += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}${open ? "" : "h0"}`; // one alone is a dot
    }
    open = drawn;
  }
  return data;
}
