// What happened to a run beside its steps: settings changed by hand, pauses, its end. In words, and in one
// form that charts draw and the page lists.

import { count, number } from "../ui/format.mjs";

const LETTERS = /** @type {Record<string, string>} */ ({ lr: "η", weight_decay: "λ" });
const WORDS = /** @type {Record<string, string>} */ ({ lr: "learning rate η", weight_decay: "decay strength λ" });
const ENDS = /** @type {Record<string, string>} */ ({ undefined: "NaN" });
const BROKEN = ["diverged", "undefined"];
const PAUSES = /** @type {Record<string, string>} */ ({
  pause: "paused",
  resume: "went on",
  restart: "resumed",
  give_way: "gave way",
});
const PLAIN_END = "finished";
const IMPORTANCE = ["gap", "resume", "pause", "restart", "outcome", "setting"]; // the most telling one names a shared mark

/**
 * An event as it is shown: `short` stands at its mark, `sentence` in the list.
 * @typedef {{ step: number, kind: string, short: string, sentence: string, quiet: boolean }} ShownEvent
 */

/**
 * The events of a run, and its end where the run could not tell of it itself.
 * @param {Pick<import("../data/recording.mjs").Recording, "events" | "about">} recording
 * @returns {ShownEvent[]}
 */
export function eventsOf({ events, about }) {
  if (about.kind === "trajectory") {
    const { steps: step, reason: text, outcome } = about;
    return BROKEN.includes(outcome) ? [shownEvent({ step, kind: "outcome", text, outcome })] : [];
  }
  const ended = about.finished && !events.some((event) => event.kind === "outcome");
  const end = { step: about.step, kind: "outcome", text: about.reason, outcome: about.outcome ?? about.status };
  return (ended ? [...events, end] : events).map(shownEvent);
}

/** @param {any} event @returns {ShownEvent} */
function shownEvent(event) {
  const base = {
    step: event.step ?? 0,
    kind: event.kind,
    quiet: event.outcome === PLAIN_END || event.kind === "give_way",
  };
  const at = `Step ${count(base.step)}`;
  if (event.kind === "setting" && typeof event.to === "number") {
    const [from, to] = [number(event.from, 3), number(event.to, 3)];
    return {
      ...base,
      short: `${LETTERS[event.name] ?? event.name} ${from} → ${to}`,
      sentence: `${at}: ${WORDS[event.name] ?? event.name} changed by hand from ${from} to ${to}.`,
    };
  }
  const ended = event.outcome && (ENDS[event.outcome] ?? event.outcome);
  const flag = BROKEN.includes(event.outcome) ? `${ended} at ${count(base.step)} ✕` : ended;
  const short = (event.kind === "outcome" ? flag : PAUSES[event.kind]) ?? event.kind ?? "event";
  return {
    ...base,
    short,
    sentence: / step \d/.test(event.text) ? event.text : `${at}: ${event.text || `${short}.`}`,
  };
}

/**
 * Marks for the events of several runs: one for all events of a run that lie within `near` pixels.
 * @template R
 * @param {{ run: R, events: ShownEvent[] }[]} runs
 * @param {(step: number) => number} x  pixels of a step
 * @param {number} near
 * @returns {{ run: R, px: number, short: string, quiet: boolean, events: ShownEvent[] }[]}
 */
export function marksOf(runs, x, near) {
  return runs
    .flatMap(({ run, events }) => {
      /** @type {{ run: R, px: number, events: ShownEvent[] }[]} */
      const marks = [];
      for (const event of events) {
        const px = x(event.step);
        const last = marks.at(-1);
        if (last && Math.abs(px - last.px) <= near) last.events.push(event);
        else marks.push({ run, px, events: [event] });
      }
      return marks;
    })
    .map((mark) => {
      const main = mark.events.reduce((best, event) => (weight(event) >= weight(best) ? event : best));
      const more = mark.events.filter((event) => event !== main && event.kind === "setting").length;
      return {
        ...mark,
        short: more ? `${main.short}, +${more}` : main.short,
        quiet: mark.events.every((e) => e.quiet),
      };
    })
    .sort((a, b) => a.px - b.px);
}

/** @param {ShownEvent} event */
function weight({ kind, quiet }) {
  return quiet ? -1 : IMPORTANCE.indexOf(kind);
}
