// What a page shows, and how the URL says it: one table of fields, read and written both ways.

/**
 * One optimizer on the page. `hyper` and the schedules hold only what differs from the defaults.
 * @typedef {{ id: string, [setting: string]: any }} Plan
 * @typedef {{
 *   key: number,
 *   optimizer: string,
 *   hyper: Record<string, any>,
 *   schedule: Plan | null,
 *   decaySchedule: Plan | null,
 *   colour: number,
 *   dash: number,
 *   hidden: boolean,
 * }} Runner
 * @typedef {[number, number]} Point
 * @typedef {{ id: string, log: boolean, choice: string }} ChartView
 * @typedef {{
 *   surface: string,
 *   formula: string,
 *   params: Record<string, any>,
 *   starts: Point[],
 *   steps: number,
 *   noise: number,
 *   seed: number,
 *   runners: Runner[],
 *   solo: number,
 *   step: number,
 *   box: number[] | null,
 *   dimensions: "2d" | "3d",
 *   levels: "log" | "linear",
 *   glyphs: string[],
 *   charts: ChartView[],
 *   range: number[] | null,
 *   goal: number | null,
 *   controls: boolean,
 * }} View
 */

/** The surface id that stands for one's own formula. */
export const OWN = "own";

let lastKey = 0;

/**
 * @param {string} optimizer
 * @param {Partial<Runner>} [rest]
 * @returns {Runner}
 */
export function makeRunner(optimizer, rest = {}) {
  lastKey += 1;
  return {
    optimizer,
    hyper: {},
    schedule: null,
    decaySchedule: null,
    colour: -1,
    dash: -1,
    hidden: false,
    ...rest,
    key: lastKey,
  };
}

/**
 * A field of the view in the URL: `write` gives null for what need not be said.
 * @template T
 * @typedef {{ write: (value: T, view: View) => string | string[] | null, read: (texts: string[]) => T | undefined }} Field
 */

/** @type {{ [F in keyof View]?: Field<View[F]> }} */
export const FIELDS = {
  surface: text(),
  formula: { write: (value, view) => (view.surface === OWN ? value : null), read: ([first]) => first },
  params: {
    write: (value) => settingsText(value) || null,
    read: ([first]) => readSettings(first ?? ""),
  },
  starts: {
    write: (points) => points.map((point) => point.join(",")).join(";"),
    read: ([first]) => points(first ?? ""),
  },
  steps: whole(1),
  noise: real(0),
  seed: whole(0),
  runners: {
    write: (runners) => (runners.length ? runners.map(runnerText) : "none"),
    read: (texts) => (texts[0] === "none" ? [] : texts.filter(Boolean).map(readRunner)),
  },
  solo: { write: (value, view) => place(value, view), read: ([first]) => (first ? -Number(first) : undefined) },
  step: { write: (value) => (value < 0 ? null : String(value)), read: ([first]) => finite(first) },
  box: { write: (box) => box?.map(short).join(",") ?? null, read: ([first]) => numbers(first ?? "", 4) },
  dimensions: choice(["2d", "3d"]),
  levels: choice(["log", "linear"]),
  glyphs: { write: (names) => names.join(",") || "none", read: ([first]) => names(first) },
  charts: {
    write: (charts) =>
      charts.map((c) => [c.id, c.log ? "log" : "linear", c.choice].filter(Boolean).join(".")).join(",") || "none",
    read: ([first]) => charts(first),
  },
  range: { write: (range) => range?.map(short).join(",") ?? null, read: ([first]) => numbers(first ?? "", 2) },
  goal: { write: (value) => (value === null ? null : String(value)), read: ([first]) => finite(first) },
  controls: {
    write: (shown) => (shown ? null : "0"),
    read: ([first]) => (first === undefined ? undefined : first !== "0"),
  },
};

/**
 * The view as a query string. What equals `defaults` is left out.
 * @param {View} view
 * @param {View} defaults
 */
export function writeQuery(view, defaults) {
  const query = new URLSearchParams();
  for (const name of /** @type {(keyof View)[]} */ (Object.keys(FIELDS))) {
    const field = /** @type {Field<any>} */ (FIELDS[name]);
    const written = field.write(view[name], view);
    if (written === null || String(written) === String(field.write(defaults[name], defaults))) continue;
    for (const one of Array.isArray(written) ? written : [written]) query.append(NAMES[name] ?? name, one);
  }
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3B", ";");
}

/**
 * What a query string says; unreadable parts are left out, as are the fields it does not name.
 * @param {string} search
 * @returns {Partial<View>}
 */
export function readQuery(search) {
  const query = new URLSearchParams(search);
  /** @type {Record<string, any>} */
  const view = {};
  for (const name of /** @type {(keyof View)[]} */ (Object.keys(FIELDS))) {
    const texts = query.getAll(NAMES[name] ?? name);
    if (!texts.length) continue;
    const value = /** @type {Field<any>} */ (FIELDS[name]).read(texts);
    if (value !== undefined && value !== null) view[name] = value;
  }
  return view;
}

/**
 * The view that an address asks for: `defaults` where it says nothing.
 * @template {View} V
 * @param {V} defaults
 * @param {string} search
 * @returns {V}
 */
export function merged(defaults, search) {
  const view = { ...defaults, ...readQuery(search) };
  // The address counts runners; the page knows them by key.
  if (view.solo < 0) view.solo = view.runners[-view.solo - 1]?.key ?? 0;
  return view;
}

/** @type {{ [F in keyof View]?: string }} */
const NAMES = { runners: "run" };

/** @param {Runner} runner  adamw,lr:0.1,weight_decay:0.2,schedule.id:cosine,dash:2 */
function runnerText(runner) {
  const parts = { ...runner.hyper };
  for (const [prefix, plan] of Object.entries({ schedule: runner.schedule, decay_schedule: runner.decaySchedule })) {
    for (const [name, value] of Object.entries(plan ?? {})) parts[`${prefix}.${name}`] = value;
  }
  if (runner.colour >= 0) parts.colour = runner.colour;
  if (runner.dash >= 0) parts.dash = runner.dash;
  if (runner.hidden) parts.hidden = true;
  return [runner.optimizer, settingsText(parts)].filter(Boolean).join(",");
}

/**
 * @param {string} written
 * @returns {Runner}
 */
function readRunner(written) {
  const comma = written.indexOf(",");
  const optimizer = comma < 0 ? written : written.slice(0, comma);
  const { colour = -1, dash = -1, hidden = false, ...rest } = comma < 0 ? {} : readSettings(written.slice(comma + 1));
  /** @type {Record<string, any>} */
  const hyper = {};
  /** @type {Record<string, any>} */
  const plans = { schedule: {}, decay_schedule: {} };
  for (const [name, value] of Object.entries(rest)) {
    const [prefix, setting] = name.split(".");
    if (setting && prefix && prefix in plans) plans[prefix][setting] = value;
    else hyper[name] = value;
  }
  return makeRunner(optimizer, {
    hyper,
    colour,
    dash,
    hidden,
    schedule: plans.schedule.id ? plans.schedule : null,
    decaySchedule: plans.decay_schedule.id ? plans.decay_schedule : null,
  });
}

/** @param {Record<string, any>} settings */
function settingsText(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name}:${value}`)
    .join(",");
}

/**
 * @param {string} written
 * @returns {Record<string, any>}
 */
function readSettings(written) {
  const pairs = written.split(",").filter((pair) => pair.includes(":"));
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", value = ""] = pair.split(/:(.*)/s);
      if (value === "true" || value === "false") return [name, value === "true"];
      return [name, value !== "" && Number.isFinite(Number(value)) ? Number(value) : value];
    }),
  );
}

/** @returns {Field<string>} */
function text() {
  return { write: (value) => value, read: ([first]) => first };
}

/** @param {number} low @returns {Field<number>} */
function whole(low) {
  return {
    write: String,
    read: ([first]) => {
      const value = finite(first);
      return value !== undefined && Number.isInteger(value) && value >= low ? value : undefined;
    },
  };
}

/** @param {number} low @returns {Field<number>} */
function real(low) {
  return { write: String, read: ([first]) => (Number(first) >= low ? finite(first) : undefined) };
}

/**
 * @template {string} W
 * @param {W[]} words
 * @returns {Field<W>}
 */
function choice(words) {
  return { write: (value) => value, read: ([first]) => words.find((word) => word === first) };
}

/** @param {number} key @param {View} view */
function place(key, view) {
  const index = view.runners.findIndex((runner) => runner.key === key);
  return index < 0 ? null : String(index + 1);
}

/** @param {string | undefined} written */
function finite(written) {
  const value = Number(written);
  return written !== undefined && written !== "" && Number.isFinite(value) ? value : undefined;
}

/** @param {string} written @param {number} length */
function numbers(written, length) {
  const values = written.split(",").map(Number);
  return values.length === length && values.every(Number.isFinite) ? values : undefined;
}

/** @param {string} written */
function points(written) {
  const found = written.split(";").map((pair) => numbers(pair, 2));
  return found.every(Boolean) ? /** @type {Point[]} */ (found) : undefined;
}

/** @param {string | undefined} written */
function names(written) {
  return written === "none" ? [] : (written ?? "").split(",").filter(Boolean);
}

/** @param {string | undefined} written @returns {ChartView[]} */
function charts(written) {
  return names(written).map((one) => {
    const [id = "", scale = "", selected = ""] = one.split(".");
    return { id, log: scale === "log", choice: selected };
  });
}

/** Enough for the eye; what is computed with is written with all its digits. @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(6)));
}
