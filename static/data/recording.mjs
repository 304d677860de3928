// What was measured of one run or one trajectory: named columns, each with the steps of its own.

/**
 * A column as it grows: `length` rows of `width` values, and the step of each; `seq` is the first frame that is not in it.
 * @typedef {{ steps: Steps, values: Values, length: number, width: number, seq: number }} Growing
 * @typedef {Float32Array | Float64Array} Values
 * @typedef {Float32Array | Float64Array} Steps
 */

// Columns of a tensor, among those of a run that declared none: others with a slash are metrics of its own.
export const TENSOR_METRIC =
  /^(.+)\/(?:weight_norm|grad_norm|gradient_part_norm|decay_part_norm|update_ratio|angle|effective_\w+)$/;
const FIRST_ROWS = 64; // that a column has room for

export class Recording {
  /** @type {Map<string, Growing>} */
  #growing = new Map();
  /** Columns of a zoomed range in full detail, in the place of the thinned ones. @type {Map<string, Growing>} */
  #detail = new Map();
  /** What is read of the columns, until they change. @type {{ columns: Record<string, Values>, steps: Record<string, Steps> } | null} */
  #view = null;

  /** @param {any} [about]  what the server tells of it beside its columns: kind, optimizer, tensors, outcome … */
  constructor(about = {}) {
    this.about = about;
    /** @type {any[]} */
    this.events = [];
    this.nextSeq = 0;
  }

  /** One computed trajectory, as `POST /api/trajectories` answers it. @param {any} answer */
  static ofTrajectory({ columns, ...about }) {
    const recording = new Recording({ kind: "trajectory", ...about });
    // Row t is step t, also where nobody asked for the column that says so.
    const [first] = Object.values(columns);
    const step = columns.step ?? Float32Array.from({ length: first?.length ?? 0 }, (_, i) => i);
    const measured = Object.entries({ step, ...columns }).map(([name, value]) => [name, { step, value }]);
    recording.load([{ columns: Object.fromEntries(measured), next_seq: 0 }]);
    return recording;
  }

  /**
   * A column's value in a row; of one that nobody asked for, what the answer told of the last rows.
   * @param {string} name @param {number} row
   * @returns {number | undefined}
   */
  valueAt(name, row) {
    const column = this.columns[name];
    if (column) return column[row];
    const tail = this.about.tail?.[name];
    const value = tail?.[row - (this.about.steps + 1 - tail.length)];
    return value === null ? NaN : value;
  }

  get outcome() {
    return this.about.outcome ?? null;
  }

  /** Whether it ended in numbers that are too large, or none. */
  get broke() {
    return this.outcome === "diverged" || this.outcome === "undefined";
  }

  get reason() {
    return this.about.reason ?? "";
  }

  /** Names of the tensors that were traced, in the model's order. */
  get tensors() {
    return tensorsOf(this.about, this.#growing.keys());
  }

  /** Names of what the optimizer keeps per weight, where that is known. @returns {string[]} */
  get states() {
    return this.about.states ?? [];
  }

  /** The columns by name, row by row. */
  get columns() {
    return this.#read().columns;
  }

  /** The steps at which a column was measured; none of one that is not there. @param {string} name @returns {Steps} */
  steps(name) {
    return this.#read().steps[name] ?? new Float64Array();
  }

  /** How many values a row of a column has. @param {string} name */
  width(name) {
    return this.#growing.get(name)?.width ?? 1;
  }

  /** The last step that is known. */
  get lastStep() {
    let last = 0;
    for (const { steps, length } of this.#growing.values()) last = Math.max(last, steps[length - 1] ?? 0);
    return last;
  }

  /**
   * Takes answers of `GET …/frames` on different columns, perhaps of different moments, in the place of all that
   * was known; what a later one has replaces what an earlier one had.
   * @param {any[]} answers
   */
  load(answers) {
    this.#growing = columnsOf(answers);
    this.#detail = new Map();
    this.#view = null;
    // What the oldest of them lacks is still to come: frames that others have already are left out column by column.
    const oldest = answers.reduce((a, b) => (b.next_seq < a.next_seq ? b : a));
    this.nextSeq = oldest.next_seq;
    this.events = [...(oldest.events ?? [])];
  }

  /** A closer look at a range of the same columns; no answers end it. @param {any[]} answers */
  loadDetail(answers) {
    this.#detail = columnsOf(answers);
    this.#view = null;
  }

  /**
   * Appends a frame of the stream; one that is already here is ignored. One that goes back takes the place of what
   * its columns had from its first step on, as in the store.
   * @param {any} frame
   */
  append(frame) {
    if (frame.seq < this.nextSeq) return;
    this.nextSeq = frame.seq + 1;
    const offsets = frame.columns.step;
    for (const [name, values] of Object.entries(frame.columns)) {
      if (name === "step") continue;
      const column = this.#growing.get(name) ?? emptyColumn(widthOf(values));
      if (frame.seq < column.seq) continue;
      if (cut(column, frame.first_step + (offsets[0] ?? Infinity))) this.#detail.delete(name);
      const { length, width } = column;
      const rows = length + offsets.length;
      if (rows > column.steps.length || rows * width > column.values.length) {
        column.steps = enlarged(column.steps, 2 * rows);
        column.values = enlarged(column.values, 2 * rows * width);
      }
      for (let i = 0; i < offsets.length; i++) column.steps[length + i] = frame.first_step + offsets[i];
      column.values.set(values, length * width);
      column.length = rows;
      this.#growing.set(name, column);
    }
    this.events.push(...(frame.events ?? []));
    this.#view = null;
  }

  #read() {
    if (this.#view) return this.#view;
    /** @type {Record<string, Values>} */
    const columns = {};
    /** @type {Record<string, Steps>} */
    const steps = {};
    for (const [name, whole] of this.#growing) {
      const column = this.#detail.get(name) ?? whole;
      columns[name] = column.values.subarray(0, column.length * column.width);
      steps[name] = column.steps.subarray(0, column.length);
    }
    this.#view = { columns, steps };
    return this.#view;
  }
}

/**
 * Names of a run's tensors: as declared, else as its columns have them.
 * @param {any} about
 * @param {Iterable<string>} columns
 * @returns {string[]}
 */
export function tensorsOf(about, columns) {
  const declared = (about.tensors ?? []).map((/** @type {any} */ t) => t.name);
  if (declared.length) return declared;
  return [...new Set([...columns].flatMap((name) => TENSOR_METRIC.exec(name)?.[1] ?? []))];
}

/** The columns of these answers by name. @param {any[]} answers @returns {Map<string, Growing>} */
function columnsOf(answers) {
  return new Map(
    answers.flatMap(({ columns, next_seq: seq }) =>
      Object.entries(columns).map(([name, { step, value }]) => {
        const [steps, values] = [typed(step, Float64Array), typed(value, Float32Array)];
        return [name, { steps, values, length: steps.length, width: widthOf(value), seq }];
      }),
    ),
  );
}

/** @param {any} values  perhaps with the shape (rows, width) @returns {number} */
function widthOf({ shape }) {
  return shape?.length === 2 ? shape[1] : 1;
}

/** @param {number} width @returns {Growing} */
function emptyColumn(width) {
  return {
    steps: new Float64Array(FIRST_ROWS),
    values: new Float32Array(FIRST_ROWS * width),
    length: 0,
    width,
    seq: 0,
  };
}

/** Leaves out what a column has from this step on; whether that was anything. @param {Growing} column @param {number} step */
function cut(column, step) {
  const { length } = column;
  while (column.length && /** @type {number} */ (column.steps[column.length - 1]) >= step) column.length -= 1;
  return column.length < length;
}

/** Numbers as they came, or as an array of this type. @param {any} numbers @param {any} Type */
function typed(numbers, Type) {
  return numbers instanceof Float32Array || numbers instanceof Float64Array ? numbers : Type.from(numbers);
}

/** @template {Values} T @param {T} array @param {number} length @returns {T} */
function enlarged(array, length) {
  const larger = /** @type {T} */ (new /** @type {any} */ (array.constructor)(length));
  larger.set(array);
  return larger;
}
