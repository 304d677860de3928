// The key of a chart, in a line: each run's name once, each dash's meaning once.

import { make, svg } from "../ui/dom.mjs";
import { DASHES } from "./series.mjs";

/**
 * @typedef {import("./series.mjs").Series} Series
 * @typedef {import("./traces.mjs").Drawn} Drawn
 * @typedef {import("./traces.mjs").DrawnBand} DrawnBand
 */

const MOST_NAMES = 8; // of more runs the first are named
const PATTERNS = /** @type {Record<string, string>} */ ({ dot: "2 3", dash: "6 3", dashdot: "6 3 2 3" });

/**
 * What a line shows, in words: its label, and of which tensor where that is chosen.
 * @param {Pick<Drawn, "label" | "column" | "run">} line
 */
export function meaningOf({ label, column, run }) {
  const tensor = column.slice(0, Math.max(column.lastIndexOf("/"), 0));
  return tensor && run.recording.tensors.includes(tensor) ? `${label} of ${tensor}` : label;
}

/**
 * The runs that are drawn, and what tells the lines of one from another.
 * @param {Drawn[]} drawn @param {DrawnBand[]} bands
 */
export function keyOf(drawn, bands) {
  const runs = [...new Set([...drawn, ...bands].map(({ run }) => run))];
  /** @type {Map<string, { label: string, dash: string, width: number, band: boolean }>} */
  const meanings = new Map();
  for (const line of drawn) {
    const label = meaningOf(line);
    // Where runs share a colour their dashes name them, and their lines differ by weight.
    if (!meanings.has(label))
      meanings.set(label, { label, dash: line.dash ?? "solid", width: line.width ?? 2, band: false });
  }
  for (const { label } of bands)
    if (!meanings.has(label)) meanings.set(label, { label, dash: "solid", width: 8, band: true });
  return { runs, meanings: meanings.size > 1 ? [...meanings.values()].filter(({ label }) => label) : [] };
}

/**
 * @param {HTMLElement} place
 * @param {ReturnType<typeof keyOf>} key
 * @param {{ alone: boolean, focus: number | null, bringOut: (key: number | null) => void }} how  alone: the page is about this one run
 */
export function renderKey(place, { runs, meanings }, { alone, focus, bringOut }) {
  const named = alone && runs.length < 2 ? [] : runs.slice(0, MOST_NAMES);
  const signature = JSON.stringify([
    named.map((run) => [run.label, run.colour, run.dash, run.runner.key]),
    meanings,
    runs.length,
  ]);
  if (place.dataset.signature !== signature) {
    place.dataset.signature = signature;
    place.replaceChildren(
      ...named.map((run) => runEntry(run, bringOut)),
      ...(runs.length > named.length && named.length ? [make("li", {}, `+ ${runs.length - named.length} more`)] : []),
      ...meanings.map(({ label, dash, width, band }) =>
        make("li", { class: "meaning" }, sample("currentColor", PATTERNS[dash] ?? "", width, band), label),
      ),
    );
    place.hidden = !place.children.length;
  }
  for (const button of place.querySelectorAll("button"))
    button.classList.toggle("out", focus !== null && Number(button.dataset.run) === focus);
}

/** @param {Series} run @param {(key: number | null) => void} bringOut */
function runEntry(run, bringOut) {
  const out = () => bringOut(run.runner.key);
  const back = () => bringOut(null);
  const button = make(
    "button",
    {
      type: "button",
      class: "plain",
      "data-run": run.runner.key,
      onclick: out,
      onpointerenter: out,
      onpointerleave: back,
      onfocus: out,
      onblur: back,
    },
    sample(run.colour, DASHES[run.dash]?.pattern ?? "", 3),
    make("bdi", {}, run.label),
  );
  return make("li", {}, button);
}

/** A piece of a line. @param {string} stroke @param {string} pattern @param {number} width @param {boolean} [band] */
export function sample(stroke, pattern, width, band = false) {
  const attributes = {
    stroke,
    "stroke-width": width,
    "stroke-dasharray": pattern || undefined,
    opacity: band ? 0.3 : undefined,
  };
  const line = svg("line", { x1: 0, y1: 5, x2: 20, y2: 5, ...attributes });
  return svg("svg", { class: "sample", width: 20, height: 10, viewBox: "0 0 20 10", "aria-hidden": "true" }, line);
}
