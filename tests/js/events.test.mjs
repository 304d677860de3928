// Events of a run in words, and as marks that share a place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf, marksOf } from "../../static/run/events.mjs";

const CHANGE = { step: 120, kind: "setting", name: "lr", from: 0.001, to: 0.0005, text: "lr: 0.001 → 0.0005" };
const PAUSE = { step: 120, kind: "pause", text: "Paused." };
const RUNNING = { step: 130, finished: null, outcome: null, status: "running", reason: "" };

test("a change by hand is events in words, with the letter at its mark", () => {
  const [events] = eventsOf({ events: [CHANGE], about: RUNNING });
  assert.equal(events.short, "η 0.001 → 5×10⁻⁴");
  assert.equal(events.sentence, "Step 120: learning rate η changed by hand from 0.001 to 5×10⁻⁴.");
});

test("a producer that went back is told of in the server's words", () => {
  const text = "Resumed at step 11: what was measured from there on before has given way.";
  const [shown] = eventsOf({ events: [{ step: 11, kind: "restart", text }], about: {} });
  assert.deepEqual([shown?.step, shown?.short, shown?.sentence], [11, "resumed", text]);
});

test("a run whose process died has an end too", () => {
  const info = { step: 40, finished: 1, outcome: null, status: "failed", reason: "Its process was ended." };
  const events = eventsOf({ events: [], about: info });
  assert.deepEqual(
    events.map((event) => [event.step, event.short, event.sentence]),
    [[40, "failed", "Step 40: Its process was ended."]],
  );
});

test("an end that the run events of itself comes once, and a plain one is quiet", () => {
  const end = { step: 600, kind: "outcome", outcome: "finished", text: "All steps were taken." };
  const events = eventsOf({ events: [end], about: { ...RUNNING, finished: 1, outcome: "finished" } });
  assert.deepEqual(
    events.map((event) => event.quiet),
    [true],
  );
});

test("events of a run that lie close together share a mark, named by the most telling", () => {
  const events = eventsOf({ events: [PAUSE, CHANGE, { ...CHANGE, name: "weight_decay" }], about: RUNNING });
  const marks = marksOf(
    [
      { run: "a", events },
      { run: "b", events: events.slice(0, 1) },
    ],
    (step) => step,
    5,
  );
  assert.deepEqual(
    marks.map((mark) => [mark.run, mark.px, mark.short]),
    [
      ["a", 120, "λ 0.001 → 5×10⁻⁴, +1"],
      ["b", 120, "paused"],
    ],
  );
});

test("an event without words is told by its kind, and one without a kind as an event", () => {
  const about = /** @type {any} */ ({});
  const events = /** @type {any[]} */ ([{ step: 2 }, { step: 3, kind: "checkpoint" }, { step: 4, kind: "outcome" }]);
  const sentences = eventsOf({ about, events }).map(({ sentence }) => sentence);
  assert.deepEqual(sentences, ["Step 2: event.", "Step 3: checkpoint.", "Step 4: outcome."]);
});
