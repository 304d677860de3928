// "This step, in numbers": every runner's equations, with the numbers of the step put in.

import { shownRuns } from "../chart/series.mjs";
import { showPanel } from "../data/wanted-columns.mjs";
import { inSight, make, math } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {{ latex: string, mathml: string, when: Record<string, any>, matrix?: boolean }} Line
 */

/** The step that all rules share. */
const CANONICAL = "θ ← θ − effective learning rate · direction − decay";

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 */
export function mountExplain(root, store, catalogue) {
  let axis = "x";
  const axes = ["x", "y"].map((name) =>
    make(
      "label",
      {},
      make("input", {
        type: "radio",
        name: "explain-axis",
        value: name,
        checked: name === axis,
        onchange: () => {
          axis = name;
          render();
        },
      }),
      name,
    ),
  );
  const list = make("div", { class: "explained" });
  const title = make("span", {});
  root.append(
    make(
      "div",
      { class: "explain-head" },
      title,
      make("span", { class: "segmented", role: "group", "aria-label": "Coordinate" }, ...axes),
    ),
    list,
  );

  /** @type {Map<string, { signature: string, element: HTMLElement, update: (run: Series, step: number) => void }>} */
  const cards = new Map();

  function render() {
    const state = store.get();
    const runs = shownRuns(state);
    const step = cursor(state);
    title.textContent = step > 0 ? `Step ${step}, coordinate ${axis}. ${CANONICAL}` : `The start. ${CANONICAL}`;
    const elements = runs.map((run) => {
      const key = `${run.runner.key}`;
      const optimizer = catalogue.optimizers.find((/** @type {any} */ o) => o.id === run.runner.optimizer);
      const lines = optimizer.formula.filter((/** @type {Line} */ line) => holds(line, run.recording.about.hyper));
      const signature = `${run.label} ${run.colour} ${lines.map((/** @type {Line} */ l) => l.latex).join(";")}`;
      let card = cards.get(key);
      if (card?.signature !== signature) {
        card = { signature, ...makeCard(run, lines, optimizer.notes) };
        cards.set(key, card);
      }
      card.update(run, step);
      return card.element;
    });
    if (elements.length !== list.children.length || elements.some((e, i) => e !== list.children[i]))
      list.replaceChildren(...elements);
  }

  /** @param {Series} run @param {Line[]} lines @param {string} notes  where the equations come from */
  function makeCard(run, lines, notes) {
    const rows = lines.map((line) => {
      const symbols = math(line.mathml);
      const numbers = math(line.mathml);
      keepRightSide(numbers);
      separateFactors(numbers);
      return {
        symbols,
        numbers,
        value: make("output", {}),
        left: symbols.querySelector("[data-quantity]")?.getAttribute("data-quantity") ?? "",
      };
    });
    const total = make("p", { class: "total" });
    const reason = make("p", { class: "outcome" });
    const element = make(
      "section",
      { class: "explained-run" },
      make("h4", { style: `--colour: ${run.colour}` }, run.label),
      ...rows.map((row) =>
        make("div", { class: "equation" }, row.symbols, make("div", { class: "with-numbers" }, row.numbers, row.value)),
      ),
      total,
      reason,
      make("p", { class: "about notes" }, notes),
    );
    return {
      element,
      /** @param {Series} now @param {number} step */
      update(now, step) {
        const last = (now.recording.columns.step?.length ?? 1) - 1;
        const at = Math.min(step, last);
        /** @type {Map<string, Element[]>} */
        const defined = new Map();
        for (const row of rows) {
          for (const place of row.numbers.querySelectorAll("[data-quantity]")) {
            const name = place.getAttribute("data-quantity") ?? "";
            const value = quantity(now, name, at, axis);
            if (value !== undefined) place.replaceChildren(numeral(value));
            else if (defined.has(name)) place.replaceChildren(bracketed(defined.get(name) ?? []));
          }
          const value = quantity(now, row.left, at, axis);
          row.value.textContent = value === undefined ? "" : `= ${number(value)}`;
          if (row.left.startsWith("local:")) defined.set(row.left, rightSide(row.numbers));
        }
        const [before, rate, direction, decay, after] = [
          "param_prev",
          "effective_lr",
          "direction",
          "decay",
          "param",
        ].map((name) => number(quantity(now, name, at, axis)));
        total.textContent =
          at > 0 ? `${axis}: ${before} − ${rate} · ${direction} − ${decay} = ${after}` : `${axis} = ${after}`;
        reason.hidden = step < last || now.recording.outcome === "finished" || now.recording.outcome === "converged";
        reason.textContent = now.recording.reason;
      },
    };
  }

  const follow = inSight(root, render, (visible) => showPanel(store, "equations", visible));
  store.on(["visible", "shownStart", "step", "hover", "steps"], follow);
  follow();
}

/** Whether an equation holds under these settings. @param {Line} line @param {Record<string, any>} hyper */
function holds(line, hyper) {
  if (line.matrix) return false; // a surface has two weights, no matrix
  return Object.entries(line.when).every(([name, value]) => hyper[name] === value);
}

/**
 * The value that a quantity of the equations has at row `at`; undefined for one that has no column.
 * @param {Series} run
 * @param {string} name
 * @param {number} at
 * @param {string} axis
 * @returns {number | undefined}
 */
export function quantity(run, name, at, axis) {
  /** @param {string} column @param {number} row */
  const value = (column, row) => run.recording.valueAt(column, row);
  const before = Math.max(at - 1, 0);
  const [kind = "", rest = ""] = name.split(/:(.*)/s);
  switch (kind) {
    case "step":
      return at;
    case "param":
      return value(axis, at);
    case "param_prev":
      return value(axis, before);
    case "param_norm":
      return value("weight_norm", before);
    case "grad":
      return value(`grad_${axis}`, at);
    case "effective_lr":
      return value(`effective_lr_${axis}`, at);
    case "decay":
      return value(`decay_part_${axis}`, at);
    case "direction":
      return (value(`gradient_part_${axis}`, at) ?? NaN) / (value(`effective_lr_${axis}`, at) ?? NaN);
    case "schedule_factor":
      return value("schedule_factor", at) ?? 1;
    case "state":
      return value(`${rest}_${axis}`, at);
    case "state_prev":
      return value(`${rest}_${axis}`, before);
    case "hyper":
      return value(rest, at) ?? Number(run.recording.about.hyper[rest]);
    default:
      return undefined;
  }
}

/** What stands right of the "=" of an equation with its numbers put in. @param {HTMLElement} holder */
function rightSide(holder) {
  const equals = [...holder.querySelectorAll("mo")].find((mo) => mo.textContent === "=");
  const siblings = [...(equals?.parentElement?.children ?? [])];
  return siblings.slice(siblings.indexOf(/** @type {Element} */ (equals)) + 1);
}

/** Copies of these elements in brackets. @param {Element[]} elements */
function bracketed(elements) {
  const row = mathElement("mrow", "");
  row.append(mathElement("mo", "("), ...elements.map((element) => element.cloneNode(true)), mathElement("mo", ")"));
  return row;
}

/** Leaves only what stands right of the first "=", that sign included. @param {HTMLElement} holder */
function keepRightSide(holder) {
  const equals = [...holder.querySelectorAll("mo")].find((mo) => mo.textContent === "=");
  while (equals?.previousSibling) equals.previousSibling.remove();
}

/**
 * Puts a dot between factors that stand side by side: letters need none, numbers do.
 * @param {HTMLElement} holder
 */
function separateFactors(holder) {
  const factor = "mn, mfrac, msup, msqrt, [data-quantity]";
  for (const element of [...holder.querySelectorAll("math *")]) {
    const next = element.nextElementSibling;
    if (!next || !element.parentElement?.matches("math, mrow")) continue;
    const ends = element.matches(factor) || element.textContent === ")";
    const begins = (next.matches(factor) && !next.textContent?.startsWith(")")) || next.textContent === "(";
    if (!ends || !begins) continue;
    element.after(mathElement("mo", "·"));
  }
}

/** A number as MathML, negative ones in brackets. @param {number} value */
function numeral(value) {
  const text = number(value);
  return mathElement("mn", text.startsWith("−") ? `(${text})` : text);
}

/** @param {string} tag @param {string} text */
function mathElement(tag, text) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  element.textContent = text;
  return element;
}
