// The trace of one training run in the browser: stored columns first, then the stream's frames.

/**
 * A column as it grows: measured values, and the step of each; `seq` is the first frame that is not in it.
 * @typedef {{ steps: Float64Array, values: Float32Array, length: number, width: number, seq: number }} Growing
 */

export class RunData {
  /** @param {any} info  the run as the server tells it */
  constructor(info) {
    this.info = info;
    /** @type {Map<string, Growing>} */
    this.growing = new Map();
    /** Columns of a zoomed range in full detail, in the place of the thinned ones. @type {Map<string, Growing>} */
    this.detail = new Map();
    /** @type {any[]} */
    this.events = [];
    this.nextSeq = 0;
  }

  /**
   * Takes answers of `GET …/frames` on different columns, perhaps of different moments; what a later one
   * has replaces what an earlier one had. With `detail` as a closer look at a range.
   * @param {any[]} answers
   * @param {boolean} [detail]
   */
  load(answers, detail = false) {
    const target = detail ? this.detail : this.growing;
    if (detail) target.clear();
    for (const answer of answers) this.#take(answer, target);
    if (detail) return;
    const first = answers.reduce((a, b) => (b.next_seq < a.next_seq ? b : a));
    this.nextSeq = first.next_seq;
    this.events = first.events ?? [];
  }

  /** @param {any} answer @param {Map<string, Growing>} target */
  #take(answer, target) {
    for (const [name, { step, value }] of Object.entries(answer.columns)) {
      const width = value.shape?.length === 2 ? value.shape[1] : 1;
      target.set(name, {
        steps: Float64Array.from(step),
        values: Float32Array.from(value),
        length: step.length,
        width,
        seq: answer.next_seq,
      });
    }
  }

  /**
   * Appends a frame of the stream; one that is already here is ignored.
   * @param {any} frame
   */
  append(frame) {
    if (frame.seq < this.nextSeq) return;
    this.nextSeq = frame.seq + 1;
    const offsets = frame.columns.step;
    for (const [name, values] of Object.entries(frame.columns)) {
      if (name === "step") continue;
      const width = values.shape?.length === 2 ? values.shape[1] : 1;
      const column = this.growing.get(name) ?? {
        steps: new Float64Array(64),
        values: new Float32Array(64 * width),
        length: 0,
        width,
        seq: 0,
      };
      if (frame.seq < column.seq) continue;
      const length = column.length + offsets.length;
      if (length > column.steps.length) {
        column.steps = grown(column.steps, 2 * length);
        column.values = grown(column.values, 2 * length * width);
      }
      for (let i = 0; i < offsets.length; i++) column.steps[column.length + i] = frame.first_step + offsets[i];
      column.values.set(values, column.length * width);
      column.length = length;
      this.growing.set(name, column);
    }
    this.events.push(...(frame.events ?? []));
  }

  /** Names of the tensors that were traced, in the model's order. */
  get tensors() {
    return tensorsOf(this.info, this.growing.keys());
  }

  /** The last step that is known. */
  get lastStep() {
    let last = 0;
    for (const { steps, length } of this.growing.values()) last = Math.max(last, steps[length - 1] ?? 0);
    return last;
  }

  /** Columns and their steps as charts read them; widths by name for those with several numbers a row. */
  view() {
    /** @type {Record<string, Float32Array>} */
    const columns = {};
    /** @type {Record<string, Float64Array>} */
    const steps = {};
    /** @type {Record<string, number>} */
    const widths = {};
    for (const [name, base] of this.growing) {
      const column = this.detail.get(name) ?? base;
      columns[name] = column.values.subarray(0, column.length * column.width);
      steps[name] = column.steps.subarray(0, column.length);
      if (column.width > 1) widths[name] = column.width;
    }
    return { columns, steps, widths };
  }
}

/**
 * Names of a run's tensors: as declared, else as its columns have them.
 * @param {any} info
 * @param {Iterable<string>} columns
 * @returns {string[]}
 */
export function tensorsOf(info, columns) {
  const declared = (info.tensors ?? []).map((/** @type {any} */ t) => t.name);
  if (declared.length) return declared;
  return [...new Set([...columns].filter((n) => n.includes("/")).map((n) => n.split("/")[0] ?? ""))];
}

/**
 * @template {Float32Array | Float64Array} T
 * @param {T} array
 * @param {number} length
 * @returns {T}
 */
function grown(array, length) {
  const larger = /** @type {T} */ (new /** @type {any} */ (array.constructor)(length));
  larger.set(array);
  return larger;
}
