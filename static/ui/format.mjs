// Numbers and names as people read them.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * A number to `digits` significant digits: 0.0123, 1234, 1.23×10⁻⁵; infinities and NaN in words.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return minus(String(Number(value.toPrecision(digits))));
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const front = String(Number(mantissa));
  const power = `10${superscript(Number(exponent))}`;
  return minus(front === "1" ? power : front === "-1" ? `-${power}` : `${front}×${power}`);
}

/** The newest value of a column as the server tells it: null is one that is not finite. @param {number | null | undefined} value */
export function measured(value) {
  return value === null ? "not finite" : number(value);
}

/** A point as people write it. @param {number[]} point */
export function pointText(point) {
  return `(${point.map((value) => number(value, 3)).join(", ")})`;
}

/** @param {number} whole */
export function superscript(whole) {
  const digits = [...String(Math.abs(whole))].map((d) => SUPERSCRIPTS[Number(d)]).join("");
  return whole < 0 ? `⁻${digits}` : digits;
}

/** @param {number} value  a whole number, with thin spaces between thousands */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** "1 step", "2 000 steps". @param {number} whole */
export function stepCount(whole) {
  return `${count(whole)} step${whole === 1 ? "" : "s"}`;
}

/**
 * The text for a number box: what was typed, to twelve digits.
 * @param {number | null} value
 */
export function plain(value) {
  if (typeof value !== "number") return String(value ?? "");
  if (value === 0) return "0";
  const size = Math.abs(value);
  const six = Number(value.toPrecision(6));
  if (Number.isInteger(value) && six !== value) return String(value);
  const twelve = Number(value.toPrecision(12));
  // Nobody typed the digits that a float32 of the answers has beyond its seventh.
  const rounded = twelve !== value && Math.fround(value) === value ? six : twelve;
  return size >= 1e-4 && size < 1e6 ? String(rounded) : rounded.toExponential();
}

/**
 * `value` rounded upwards to so few digits that nothing above `most` comes out; itself where there are none.
 * @param {number} value
 * @param {number} most
 */
export function roundedUp(value, most) {
  const size = Math.floor(Math.log10(Math.abs(value)));
  for (let digits = 2; digits <= 12; digits++) {
    const unit = 10 ** (size - digits + 1);
    const rounded = Number((Math.ceil(value / unit) * unit).toPrecision(digits));
    if (rounded >= value && rounded <= most) return rounded;
  }
  return value;
}

/**
 * The number that somebody typed, with a comma or a minus sign of print perhaps; null where it is no finite number.
 * @param {string} text
 */
export function typedNumber(text) {
  const plainer = text.trim().replace(",", ".").replace("−", "-");
  const value = Number(plainer);
  return plainer !== "" && Number.isFinite(value) ? value : null;
}

/** What is told of a text that is no number. @param {string} text @param {boolean} [whole]  whether only whole ones are */
export function noNumber(text, whole = false) {
  return `“${text.trim().slice(0, 40)}” is no number. Type one such as ${whole ? "8" : "0.05 or 1e-3"}.`;
}

/** @param {number} value  a share, as a percentage */
export function percent(value) {
  if (!Number.isFinite(value)) return "–";
  const hundredths = 100 * value;
  const digits = Math.abs(hundredths) >= 10 ? 0 : Math.abs(hundredths) >= 1 ? 1 : 2;
  return minus(`${hundredths.toFixed(digits)}\u00a0%`);
}

/** @param {string} text */
function minus(text) {
  return text.replace(/^-/, "−");
}

/** A span of time in the unit that suits it. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${number(seconds / 3600, 2)} h`;
}
