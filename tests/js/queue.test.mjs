// Where a run stands that has no device: the words of the run page and the list.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf } from "../../static/run/events.mjs";
import { absenceOf, placeInLine } from "../../static/run/queue.mjs";

const queued = (/** @type {number | null} */ position, /** @type {number | null} */ seconds, more = {}) => ({
  status: "queued",
  queue_position: position,
  queue_seconds: seconds,
  ...more,
});

test("a run that waits says its place, and about how long that lasts", () => {
  assert.equal(placeInLine(queued(2, 120)), "3rd in line, about 2 min");
  assert.equal(placeInLine(queued(0, 12)), "next in line, about 12 s");
  assert.equal(placeInLine(queued(0, 0)), "next in line, in a moment");
  assert.equal(placeInLine(queued(1, 7200)), "2nd in line, about 2 h");
});

test("where the time is not known the place stands alone", () => {
  assert.equal(placeInLine(queued(2, null)), "3rd in line");
  assert.equal(placeInLine(queued(null, null)), "");
  assert.equal(placeInLine({ status: "queued" }), "");
  assert.equal(placeInLine({ status: "running", queue_position: 3, queue_seconds: 4 }), "");
});

test("places are counted as people do", () => {
  const words = [1, 2, 3, 10, 11, 12, 20, 21, 100, 110].map(
    (before) => placeInLine(queued(before, null)).split(" ")[0],
  );
  assert.deepEqual(words, ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"]);
});

test("a run without a device says why nothing moves", () => {
  assert.match(absenceOf(queued(0, null)), /begin when it starts/);
  assert.match(absenceOf(queued(0, null, { away: true })), /went to others for a while/);
  assert.match(absenceOf({ status: "paused", away: true }), /when you resume it/);
  for (const status of ["paused", "running", "finished"]) assert.equal(absenceOf({ status, away: false }), "");
});

test("giving way is listed, and no mark of its own stands on the charts", () => {
  const events = [{ step: 9, kind: "give_way", text: "Gives way after step 9." }];
  const [shown] = eventsOf(/** @type {any} */ ({ events, about: { step: 9 } }));
  assert.deepEqual([shown?.short, shown?.sentence, shown?.quiet], ["gave way", "Gives way after step 9.", true]);
});
