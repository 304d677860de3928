// Numbers as people read and type them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { number, percent, plain, roundedUp, superscript, typedNumber } from "../../static/ui/format.mjs";

test("numbers keep four digits and write powers of ten as people do", () => {
  assert.equal(number(0.0123456), "0.01235");
  assert.equal(number(-1234.56), "−1235");
  assert.equal(number(1.5e-7), "1.5×10⁻⁷");
  assert.equal(number(1e-8), "10⁻⁸");
  assert.equal(number(0), "0");
  assert.equal(number(Number.NaN), "–");
  assert.equal(number(undefined), "–");
  assert.equal(number(Number.POSITIVE_INFINITY), "∞");
});

test("what a number box shows is read back as the same number", () => {
  for (const value of [0, 1e-8, 0.00025, 0.1, 30, 123456, 2.5e9, -3.25e-6, 0.123456789, 1234567.25, 0.0009765625]) {
    assert.equal(Number(plain(value)), value);
  }
  assert.equal(plain(0.1 + 0.2), "0.3");
  assert.equal(plain(Math.fround(0.01)), "0.01");
  assert.equal(plain(99999999), "99999999");
  assert.equal(plain(1e8), "1e+8");
});

test("typed numbers may have a comma, and a text that is none is no zero", () => {
  assert.equal(typedNumber(" 0,5 "), 0.5);
  assert.equal(typedNumber("−1e-3"), -0.001);
  for (const text of ["", "  ", "abc", "1 2", "Infinity"]) assert.equal(typedNumber(text), null);
});

test("a number is rounded upwards, and never beyond its bound", () => {
  assert.equal(roundedUp(0.01234, 0.02), 0.013);
  assert.equal(roundedUp(-0.01234, 0), -0.012);
  assert.equal(roundedUp(100.006, 100.011), 100.01);
  assert.equal(roundedUp(0.12, 1), 0.12);
  assert.equal(roundedUp(0, 1), 0);
  assert.equal(roundedUp(1 / 3, 1 / 3), 1 / 3);
});

test("percentages and superscripts", () => {
  assert.equal(percent(0.41234), "41\u00a0%");
  assert.equal(percent(0.0031), "0.31\u00a0%");
  assert.equal(percent(-0.05), "−5.0\u00a0%");
  assert.equal(superscript(-12), "⁻¹²");
});
