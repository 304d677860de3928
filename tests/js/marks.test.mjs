// A minimum that only the edge of the view makes is no goal, however low; the others keep their rank.

import assert from "node:assert/strict";
import { test } from "node:test";
import { goals } from "../../static/surface/marks.mjs";

test("minima on the edge are left out, and global ones told from the others", () => {
  const edge = { x: -5, edge: true, global: true };
  const low = { x: 1, edge: false, global: true };
  const high = { x: 2, edge: false, global: false };
  assert.deepEqual(goals([edge, low, high]), { lowest: [low], others: [high] });
  assert.deepEqual(goals([edge]), { lowest: [], others: [] });
});
