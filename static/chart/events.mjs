// Events on charts, as thin vertical marks with a few words, and in a list.

import { eventsOf, marksOf } from "../run/events.mjs";
import { make } from "../ui/dom.mjs";
import { gapsOf } from "./gaps.mjs";

const NEAR = 5; // pixels within which events share a mark
const [LETTER, LINE] = [5.6, 14]; // pixels of a letter, about, and of a line
const ROWS = 3; // of words, one below the other where marks lie close

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

/**
 * Puts the marks of these runs over a chart; words stand at each where there is room, and at the cursor's in full.
 * @param {HTMLElement} place
 * @param {Marked[]} known
 * @param {NonNullable<ReturnType<typeof import("./plot.mjs").scales>>} at
 * @param {{ step: number, hovering: boolean }} cursor
 */
export function placeEvents(place, known, at, { step, hovering }) {
  const marks = marksOf(known, at.x, NEAR).filter(({ px }) => px >= at.left - 1 && px <= at.right + 1);
  const cursor = at.x(step);
  const nearest = hovering ? marks.toSorted((a, b) => Math.abs(a.px - cursor) - Math.abs(b.px - cursor))[0] : undefined;
  const pointed = nearest && Math.abs(nearest.px - cursor) <= NEAR ? nearest : undefined;
  const free = Array(ROWS).fill(at.left);
  const elements = marks.map((mark) => {
    const alone = known.length < 2;
    const full = mark.events.map((event) => `${alone ? "" : `${mark.run.label}, `}${event.sentence}`).join("\n");
    const text = mark === pointed ? full : pointed || mark.quiet ? "" : mark.short;
    const longest = Math.max(...text.split("\n").map((line) => line.length));
    const width = Math.min(longest * LETTER + 8, at.right - at.left);
    const left = Math.max(Math.min(mark.px + 3, at.right - width), at.left);
    const row = mark === pointed ? 0 : free.findIndex((end) => left >= end);
    if (text && row >= 0) free[row] = left + width + 4;
    const words =
      text &&
      row >= 0 &&
      make(
        "span",
        { class: "event-words", style: `left: ${left}px; top: ${LINE * row}px; max-width: ${at.right - left}px` },
        text,
      );
    const line = make("span", { class: "event-line", style: `left: ${mark.px}px; --colour: ${mark.run.colour}` });
    return make(
      "div",
      { class: mark === pointed ? "event pointed" : "event", "data-step": mark.events[0]?.step },
      line,
      words,
    );
  });
  place.style.top = `${at.top}px`;
  place.style.height = `${at.bottom - at.top}px`;
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
