// Kinds of fields of an address: how a value is written there and read again.

/**
 * `write` gives null for what need not be said; `read` gives undefined for what cannot be read.
 * @template T
 * @typedef {{ write: (value: T, view: any) => string | string[] | null, read: (texts: string[]) => T | undefined }} Field
 */

/** @returns {Field<string>} */
export function text() {
  return { write: (value) => value, read: ([first]) => first };
}

/** @param {number} low @returns {Field<number>} */
export function whole(low) {
  return {
    write: String,
    read: ([first]) => {
      const value = finite(first);
      return value !== undefined && Number.isInteger(value) && value >= low ? value : undefined;
    },
  };
}

/** @param {number} low @param {number} [high] @returns {Field<number>} */
export function real(low, high = Infinity) {
  return {
    write: String,
    read: ([first]) => {
      const value = finite(first);
      return value !== undefined && value >= low && value <= high ? value : undefined;
    },
  };
}

/** A number, or none. @returns {Field<number | null>} */
export function optional() {
  return { write: (value) => (value === null ? null : String(value)), read: ([first]) => finite(first) };
}

/**
 * So many numbers, or none; written to as many digits as the eye tells apart.
 * @param {number} length
 * @returns {Field<number[] | null>}
 */
export function numbers(length) {
  return {
    write: (values) => values?.map((value) => String(Number(value.toPrecision(6)))).join(",") ?? null,
    read: ([first]) => numbersIn(first ?? "", length),
  };
}

/** A list of words; `none` says that it is empty. @param {string} none @returns {Field<string[]>} */
export function words(none) {
  return { write: (list) => list.join(",") || none, read: ([first]) => wordsIn(first, none) };
}

/**
 * @template {string} W
 * @param {W[]} options
 * @returns {Field<W>}
 */
export function choice(options) {
  return { write: (value) => value, read: ([first]) => options.find((option) => option === first) };
}

/** @param {"0" | "1"} said  what stands in the address where the switch is on (1), or off (0) @returns {Field<boolean>} */
export function toggle(said) {
  return {
    write: (on) => (on === (said === "1") ? said : null),
    read: ([first]) => (first === undefined ? undefined : first !== "0"),
  };
}

/** @param {string | undefined} written */
export function finite(written) {
  const value = Number(written);
  return written !== undefined && written !== "" && Number.isFinite(value) ? value : undefined;
}

/** @param {string} written @param {number} length */
export function numbersIn(written, length) {
  const values = written.split(",").map(Number);
  return values.length === length && values.every(Number.isFinite) ? values : undefined;
}

/** @param {string | undefined} written @param {string} [none] */
export function wordsIn(written, none = "none") {
  return written === none ? [] : (written ?? "").split(",").filter(Boolean);
}
