// Controls made from declarations (JSON schema): slider and number box, switch, choice.

import { isEdited, make, markEdited, set, watchEdits } from "../ui/dom.mjs";
import { noNumber, plain, typedNumber } from "../ui/format.mjs";

/**
 * A property of a declared object, as the catalogue gives it.
 * @typedef {{
 *   type: "number" | "integer" | "string" | "boolean",
 *   title: string,
 *   description: string,
 *   default: any,
 *   minimum?: number,
 *   maximum?: number,
 *   exclusiveMaximum?: number,
 *   enum?: string[],
 *   "x-options"?: Record<string, string>,
 *   "x-slider"?: [number, number],
 *   "x-scale"?: "linear" | "log",
 * }} Property
 * @typedef {{ message: string, hint?: string }} Problem
 * `forget` drops what was typed and is no value.
 * @typedef {{ element: HTMLElement, update: (value: any, error?: Problem | null) => void, forget?: () => void }} Control
 */

const POSITIONS = 1000;
let made = 0;

/**
 * @param {Property} property
 * @param {(value: any, committed: boolean) => void} onChange
 * @param {() => any} [opening]  what an emptied field and a double click set
 * @returns {Control}
 */
export function control(property, onChange, opening = () => property.default) {
  if (property.type === "boolean") return toggle(property, onChange);
  if (property.type === "string") return choice(property, onChange);
  return slider(property, onChange, opening);
}

/**
 * The slider's position for a value, and back. A logarithmic slider that may reach zero has zero at
 * its left end.
 * @param {Property} property
 */
export function sliderScale(property) {
  const [low, high] = property["x-slider"] ?? [property.minimum ?? 0, property.maximum ?? 1];
  const log = property["x-scale"] === "log";
  const zero = log && (property.minimum ?? low) <= 0;
  const whole = property.type === "integer";
  return {
    /** @param {number} value */
    position(value) {
      if (!log) return Math.round(((value - low) / (high - low)) * POSITIONS);
      if (value <= 0) return 0;
      const share = Math.log(value / low) / Math.log(high / low);
      return Math.round(Math.min(Math.max(share, 0), 1) * (POSITIONS - 1)) + 1;
    },
    /** @param {number} position */
    value(position) {
      if (log && zero && position <= 0) return 0;
      const value = log
        ? low * (high / low) ** ((Math.max(position, 1) - 1) / (POSITIONS - 1))
        : low + ((high - low) * position) / POSITIONS;
      if (whole) return Math.round(value);
      // Digits that a person would type: a slider's thousandth is no more exact than that.
      return Number(log ? value.toPrecision(3) : value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(high - low)))));
    },
  };
}

/**
 * What is wrong with a number by its declaration; null where nothing is.
 * @param {Property} property
 * @param {any} value
 * @returns {Problem | null}
 */
export function problemOf(property, value) {
  if (typeof value !== "number") return null;
  const { type, minimum: low = -Infinity, maximum: high = Infinity, exclusiveMaximum: end = Infinity } = property;
  if (type === "integer" && !Number.isInteger(value)) return { message: `${plain(value)} is no whole number.` };
  if (value < low) return { message: `${plain(value)} is too small: at least ${plain(low)} is allowed.` };
  if (value > high) return { message: `${plain(value)} is too large: at most ${plain(high)} is allowed.` };
  if (value >= end) return { message: `${plain(value)} is too large: it must stay below ${plain(end)}.` };
  return null;
}

/**
 * @param {Property} property
 * @param {(value: any, committed: boolean) => void} onChange
 * @param {() => any} opening
 * @returns {Control}
 */
function slider(property, onChange, opening) {
  const scale = sliderScale(property);
  const [row, id, error] = frame(property);
  const range = make("input", { type: "range", min: 0, max: POSITIONS, step: 1, id, tabindex: 0 });
  const box = make("input", {
    type: "text",
    inputmode: "decimal",
    class: "number",
    "aria-label": property.title,
    autocomplete: "off",
  });
  watchEdits(box);
  row.append(range, box, error);
  let current = property.default;
  let unread = false; // whether the box holds what is no number
  /** @type {Problem | null} */
  let own = null; // what is told here, without asking the server
  /** @type {Problem | null | undefined} */
  let refused = null; // what the server said

  /** @param {number} value */
  const hold = (value) => {
    current = value;
    unread = false;
    own = problemOf(property, value);
  };
  /** @param {Problem | null} [problem]  what the server says */
  const showProblem = (problem) => showError(row, error, [range, box], own ?? problem);
  /** @param {number} value @param {boolean} committed */
  const change = (value, committed) => {
    hold(value);
    show();
    showProblem();
    onChange(value, committed);
  };
  const show = () => {
    range.value = String(scale.position(current));
    range.setAttribute("aria-valuetext", plain(current));
    if (!isEdited(box) && !unread) box.value = plain(current);
  };
  /** @param {number} steps */
  const nudge = (steps) => change(scale.value(Math.min(Math.max(Number(range.value) + steps, 0), POSITIONS)), true);

  range.addEventListener("input", () => change(scale.value(Number(range.value)), false));
  range.addEventListener("change", () => onChange(current, true));
  range.addEventListener("keydown", (event) => {
    const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    const unit = property.type === "integer" ? wholeUnit(scale, Number(range.value)) : 5;
    nudge(direction * unit * (event.shiftKey ? 10 : 1));
  });
  for (const element of [range, box]) {
    element.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== element) return;
        event.preventDefault();
        nudge((event.deltaY < 0 ? 5 : -5) * (event.shiftKey ? 10 : 1));
      },
      { passive: false },
    );
    element.addEventListener("dblclick", () => {
      markEdited(box, false);
      change(opening(), true);
    });
  }
  /** What the box says; null where that is no finite number. */
  const typed = () => (box.value.trim() === "" ? opening() : typedNumber(box.value));
  box.addEventListener("change", () => {
    const value = typed();
    if (value === null) {
      unread = true;
      markEdited(box, true);
      own = { message: noNumber(box.value, property.type === "integer") };
      showProblem();
      if (refused) row.dispatchEvent(new CustomEvent("overtaken", { bubbles: true }));
      return;
    }
    change(value, true);
  });
  // A message goes as soon as what is typed is right.
  box.addEventListener("input", () => {
    const value = typed();
    if (!own || value === null || problemOf(property, value)) return;
    own = null;
    showProblem();
  });
  const forget = () => {
    hold(current);
    markEdited(box, false);
    box.value = plain(current);
    showProblem();
  };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      forget();
      return;
    }
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    range.value = String(scale.position(typed() ?? current));
    markEdited(box, false);
    nudge(direction * 5 * (event.shiftKey ? 10 : 1));
  });
  return {
    element: row,
    update(value, problem) {
      if (value !== current) hold(value);
      refused = problem;
      show();
      showProblem(problem);
    },
    forget,
  };
}

/** Positions to the next whole number. @param {ReturnType<typeof sliderScale>} scale @param {number} position */
function wholeUnit(scale, position) {
  const here = scale.value(position);
  let unit = 1;
  while (unit < POSITIONS && scale.value(position + unit) === here) unit += 1;
  return unit;
}

/** @param {Property} property @param {(value: any, committed: boolean) => void} onChange @returns {Control} */
function toggle(property, onChange) {
  const [row, id, error] = frame(property);
  const box = make("input", { type: "checkbox", id });
  row.classList.add("switch");
  row.append(box, error);
  box.addEventListener("change", () => onChange(box.checked, true));
  return {
    element: row,
    update(value, problem) {
      box.checked = Boolean(value);
      showError(row, error, [box], problem);
    },
  };
}

/** @param {Property} property @param {(value: any, committed: boolean) => void} onChange @returns {Control} */
function choice(property, onChange) {
  const [row, id, error] = frame(property);
  const words = property["x-options"] ?? {};
  const select = make(
    "select",
    { id },
    ...(property.enum ?? []).map((word) =>
      make("option", { value: word, title: words[word] }, words[word] ? `${word}: ${words[word]}` : word),
    ),
  );
  row.classList.add("choice");
  row.append(select, error);
  select.addEventListener("change", () => onChange(select.value, true));
  return {
    element: row,
    update(value, problem) {
      select.value = value;
      showError(row, error, [select], problem);
    },
  };
}

/** @param {Property} property @returns {[HTMLElement, string, HTMLElement]} */
function frame(property) {
  made += 1;
  const id = `control-${made}`;
  const row = make(
    "div",
    { class: "control" },
    make("label", { for: id, title: property.description }, ...labelled(property.title)),
  );
  const error = make("p", { class: "field-error", id: `${id}-error`, hidden: true });
  return [row, id, error];
}

/** "learning rate η" with its words apart: where room is short the letter stands alone, and is read whole. @param {string} title */
function labelled(title) {
  const [, words, letter] = /^(.* )(\p{L}[₀-₉]?)$/u.exec(title) ?? [];
  return words && letter ? [make("span", { class: "words" }, words), letter] : [title];
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement} place
 * @param {HTMLElement[]} inputs
 * @param {Problem | null | undefined} problem
 */
function showError(row, place, inputs, problem) {
  row.classList.toggle("wrong", Boolean(problem));
  place.hidden = !problem;
  place.textContent = problem ? [problem.message, problem.hint].filter(Boolean).join(" ") : "";
  for (const input of inputs)
    set(input, { "aria-invalid": problem ? "true" : undefined, "aria-describedby": problem ? place.id : undefined });
}
