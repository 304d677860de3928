// Events on charts, as thin vertical marks with a few words, and in a list.

import { eventsOf, marksOf } from "../run/events.mjs";
import { make } from "../ui/dom.mjs";
import { gapsOf } from "./gaps.mjs";

const NEAR = 5; // pixels within which events share a mark
const LETTER = 0.56; // of a letter's width, about, in sizes of the text

/** @typedef {{ run: import("./series.mjs").Series, events: import("../run/events.mjs").ShownEvent[] }} Marked  a run with its events */

/**
 * The runs with what a chart marks: what happened to each, and the gaps in its lines.
 * @param {import("./series.mjs").Series[]} runs
 * @param {import("./traces.mjs").Drawn[]} lines
 * @returns {Marked[]}
 */
export function markedRuns(runs, lines) {
  return runs.map((run) => {
    const events = [...eventsOf(run.recording), ...gapsOf(lines, run)];
    return { run, events: events.sort((a, b) => a.step - b.step) };
  });
}

/** What happened at the cursor, in sentences. @param {Marked[]} known @param {(step: number) => number} x @param {number} step */
export function sentencesAt(known, x, step) {
  const cursor = x(step);
  const marks = marksOf(known, x, NEAR).filter(({ px }) => Math.abs(px - cursor) <= NEAR);
  const nearest = marks.toSorted((a, b) => Math.abs(a.px - cursor) - Math.abs(b.px - cursor))[0];
  if (!nearest) return [];
  return nearest.events.map(({ sentence }) => (known.length < 2 ? sentence : `${nearest.run.label}, ${sentence}`));
}

/** Whether anything stands in the strip above the plot. @param {Marked[]} known */
export function hasWords(known) {
  return known.some(({ events }) => events.some(({ quiet }) => !quiet));
}

/**
 * Puts the marks of these runs over a chart: a thin line at each, and in a strip above the plot a few words where there
 * is room for them.
 * @param {HTMLElement} place
 * @param {Marked[]} known
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {number} size  of the text
 */
export function placeEvents(place, known, at, size) {
  const marks = marksOf(known, at.x, NEAR).filter(({ px }) => px >= at.left - 1 && px <= at.right + 1);
  let free = at.left;
  const elements = marks.map((mark) => {
    const width = mark.short.length * LETTER * size + 8;
    const left = Math.max(Math.min(mark.px - 2, at.right - width), at.left);
    const fits = !mark.quiet && left >= free && left + width <= at.right + 1;
    if (fits) free = left + width + 4;
    return make(
      "div",
      { class: "event", "data-step": mark.events[0]?.step, style: `--colour: ${mark.run.colour}` },
      make("span", { class: "event-line", style: `left: ${mark.px}px; top: ${at.top - 4}px` }),
      fits && make("span", { class: "event-words", style: `left: ${left}px` }, mark.short),
    );
  });
  if (!elements.length && !place.children.length) return;
  place.style.height = `${at.bottom}px`;
  place.replaceChildren(...elements);
}

/**
 * The same marks as parts of a picture that is saved.
 * @param {Marked[]} known
 * @returns {{ shapes: any[], annotations: any[] }}
 */
export function eventShapes(known) {
  const events = known.flatMap(({ run, events }) =>
    events.filter((event) => !event.quiet).map((event) => ({ ...event, colour: run.colour })),
  );
  return {
    shapes: events.map(({ step, colour }) => ({
      type: "line",
      x0: step,
      x1: step,
      yref: "paper",
      y0: 0,
      y1: 1,
      line: { color: colour, width: 1, dash: "dot" },
    })),
    annotations: events.map(({ step, short, colour }) => ({
      x: step,
      yref: "paper",
      y: 1,
      text: short,
      textangle: -90,
      xanchor: "right",
      yanchor: "top",
      showarrow: false,
      font: { size: 12, color: colour },
    })),
  };
}

/**
 * The events in words; each sets the common cursor to its step.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 */
export function mountEvents(root, store) {
  const list = make("ol", { class: "events" });
  const none = make(
    "p",
    { class: "hint" },
    "Nothing yet. Pauses, changes of η and λ by hand, and the end are listed here.",
  );
  root.append(none, list);
  let shown = "";
  function render() {
    const { visible } = store.get();
    const events = visible
      .flatMap((/** @type {any} */ run) => eventsOf(run.recording).map((event) => ({ run, event })))
      .sort((/** @type {any} */ a, /** @type {any} */ b) => a.event.step - b.event.step);
    const key = JSON.stringify(events.map((/** @type {any} */ t) => [t.run.label, t.event.sentence]));
    if (key === shown) return;
    shown = key;
    none.hidden = events.length > 0;
    list.replaceChildren(
      ...events.map((/** @type {any} */ { run, event }) =>
        make(
          "li",
          {},
          visible.length > 1 && make("span", { class: "who", style: `color: ${run.colour}` }, `${run.label} `),
          make(
            "button",
            {
              type: "button",
              class: "plain",
              title: "Set the cursor here",
              onclick: () => store.set({ step: event.step }),
            },
            event.sentence,
          ),
        ),
      ),
    );
  }
  store.on(["visible"], render);
  render();
}
