// What the list of runs asks for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, isFiltered, listQuery } from "../../static/run/filters.mjs";

const asked = (/** @type {Partial<import("../../static/run/filters.mjs").Filters>} */ filters) =>
  decodeURIComponent(listQuery({ ...DEFAULTS, ...filters }, "ann").toString());

test("a word for a status stands for all that it means", () => {
  assert.equal(asked({}), "sort=-created&offset=0&limit=50");
  assert.equal(asked({ status: "running" }), "sort=-created&offset=0&limit=50&status=running&status=starting");
  assert.equal(asked({ status: "NaN" }), "sort=-created&offset=0&limit=50&outcome=undefined");
  assert.equal(asked({ text: " gpt ", mine: true, offset: 50 }), "sort=-created&offset=50&limit=50&text=gpt&owner=ann");
});

test("words of an address that are none ask for nothing", () => {
  assert.equal(asked({ status: "constructor", sort: "valueOf" }), asked({}));
  assert.ok(!isFiltered({ ...DEFAULTS, status: "gone" }));
  assert.ok(isFiltered({ ...DEFAULTS, status: "queued" }));
  assert.ok(isFiltered({ ...DEFAULTS, text: "x" }));
  assert.ok(!isFiltered({ ...DEFAULTS, sort: "name", offset: 50 }));
});
