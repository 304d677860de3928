// Addresses that people have kept open what they opened when they were made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGES, viewOf, writeQuery } from "../../static/data/address.mjs";
import { makeRunner } from "../../static/data/runner.mjs";

/** @returns {any} */
const OPENING = {
  scene: "",
  guide: false,
  surface: "rotated_bowl",
  formula: "x**2",
  params: {},
  starts: [[-4, 2]],
  steps: 400,
  noise: 0,
  seed: 0,
  runners: [makeRunner("adamw", { hyper: { lr: 0.1 } })],
  solo: 0,
  step: -1,
  box: null,
  dimensions: "2d",
  levels: "log",
  glyphs: ["gradient_part"],
  charts: [{ id: "loss", log: true, choice: "" }],
  range: null,
  goal: null,
  controls: true,
};

/** What an address says that the opening does not, with runners as they are told of. @param {import("../../static/data/address.mjs").Page} page @param {any} defaults @param {string} query */
function said(page, defaults, query) {
  const view = /** @type {any} */ (viewOf(page, defaults, `?${query}`));
  assert.equal(writeQuery(page, view, defaults), query, "and is written again as it was");
  const runners = view.runners?.map((/** @type {any} */ { key, ...rest }) => rest);
  return Object.fromEntries(
    PAGES[page]
      .filter((name) => view[name] !== defaults[name])
      .map((name) => [
        name,
        name === "runners"
          ? runners
          : name === "solo"
            ? view.runners.findIndex((r) => r.key === view.solo)
            : view[name],
      ]),
  );
}

const RUNNER = { hyper: {}, schedule: null, decaySchedule: null, colour: -1, dash: -1, hidden: false };

test("Explore: runners, schedules, several starts, and how it is looked at", () => {
  const query =
    "surface=rastrigin&params=depth:5&starts=1.5,2;-3,0.25&steps=77&noise=0.5&seed=9" +
    "&run=adam_l2,lr:0.05,penalty:full,bias_correction:false,schedule.id:cosine,schedule.end:0.1,schedule.warmup_steps:10,decay_schedule.id:ramp,colour:3,dash:2" +
    "&run=lion,hidden:true&solo=1&step=20&box=-1,2,-3,4.5&dimensions=3d&levels=linear&glyphs=none" +
    "&charts=state.linear.m_decay,loss.log&range=10,20&goal=0.001&controls=0";
  assert.deepEqual(said("explore", OPENING, query), {
    surface: "rastrigin",
    params: { depth: 5 },
    starts: [
      [1.5, 2],
      [-3, 0.25],
    ],
    steps: 77,
    noise: 0.5,
    seed: 9,
    runners: [
      {
        ...RUNNER,
        optimizer: "adam_l2",
        hyper: { lr: 0.05, penalty: "full", bias_correction: false },
        schedule: { id: "cosine", end: 0.1, warmup_steps: 10 },
        decaySchedule: { id: "ramp" },
        colour: 3,
        dash: 2,
      },
      { ...RUNNER, optimizer: "lion", hidden: true },
    ],
    solo: 0,
    step: 20,
    box: [-1, 2, -3, 4.5],
    dimensions: "3d",
    levels: "linear",
    glyphs: [],
    charts: [
      { id: "state", log: false, choice: "m_decay" },
      { id: "loss", log: true, choice: "" },
    ],
    range: [10, 20],
    goal: 0.001,
    controls: false,
  });
});

test("Explore: one's own formula, and no runner", () => {
  assert.deepEqual(said("explore", OPENING, "surface=own&formula=x**2+%2B+3*y&run=none"), {
    surface: "own",
    formula: "x**2 + 3*y",
    runners: [],
  });
});

test("Compare: the shared settings of three columns", () => {
  const query = "params=condition:9&run=adam_l2,lr:0.3,weight_decay:0.05&run=adamw,lr:0.3&run=lion&step=0";
  assert.deepEqual(said("compare", OPENING, query), {
    params: { condition: 9 },
    runners: [
      { ...RUNNER, optimizer: "adam_l2", hyper: { lr: 0.3, weight_decay: 0.05 } },
      { ...RUNNER, optimizer: "adamw", hyper: { lr: 0.3 } },
      { ...RUNNER, optimizer: "lion" },
    ],
    step: 0,
  });
});

const RUN_PAGE = {
  compared: [],
  charts: [{ id: "run_loss", log: true, choice: "" }],
  tensor: "",
  smoothing: 0,
  layout: "",
};

test("a comparison of runs: which, with which charts, smoothed, side by side", () => {
  const query = "compare=a1b2,c3d4&charts=run_loss.linear,run_parts.log&tensor=0.weight&smoothing=0.9&layout=side";
  assert.deepEqual(said("comparison", RUN_PAGE, query), {
    compared: ["a1b2", "c3d4"],
    charts: [
      { id: "run_loss", log: false, choice: "" },
      { id: "run_parts", log: true, choice: "" },
    ],
    tensor: "0.weight",
    smoothing: 0.9,
    layout: "side",
  });
  const former = query.replace("compare=", "runs=");
  assert.deepEqual(viewOf("comparison", RUN_PAGE, `?${former}`), viewOf("comparison", RUN_PAGE, `?${query}`));
});

test("a run, whose address had its charts even where they were those that open by themselves", () => {
  const view = viewOf("run", RUN_PAGE, "?charts=run_loss.log&tensor=2.bias");
  assert.deepEqual(view, { ...RUN_PAGE, tensor: "2.bias" });
  assert.deepEqual(viewOf("run", RUN_PAGE, "?charts=none").charts, []);
});

test("a clone of a run, and the filters of the list", () => {
  assert.deepEqual(viewOf("train", { clone: "" }, "?clone=a1b2"), { clone: "a1b2" });
  const filters = { text: "", status: "", sort: "-created", mine: false, offset: 0 };
  assert.deepEqual(said("runs", filters, "text=char+gpt&status=diverged&sort=name&mine=1&offset=50"), {
    text: "char gpt",
    status: "diverged",
    sort: "name",
    mine: true,
    offset: 50,
  });
});
