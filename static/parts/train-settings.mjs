// What all runs that are started together share, and the presets.

/** @returns {Record<string, import("../lib/controls.mjs").Property>} */
export function trainProperties() {
  return {
    steps: number("steps", "How many updates each run takes.", 500, [10, 20000], {
      type: "integer",
      minimum: 1,
      maximum: 1e7,
      log: true,
    }),
    batch_size: number("batch size", "Examples per update.", 64, [1, 1024], {
      type: "integer",
      minimum: 1,
      maximum: 65536,
      log: true,
    }),
    seed: number("seed", "Decides the first weights and the order of the data; the same for all runs.", 0, [0, 100], {
      type: "integer",
      minimum: 0,
      maximum: 1e9,
    }),
    clip: number("clip gradient norm at", "Gradients longer than this are shortened; 0 means never.", 0, [0.01, 100], {
      minimum: 0,
      maximum: 1e6,
      log: true,
    }),
    groups: words("decay groups", "Which tensors decay.", "no_bias_no_norm", {
      all: "everything decays",
      no_bias_no_norm: "biases and norm layers do not decay",
      matrices: "only tensors with two or more dimensions decay",
    }),
    precision: words("precision", "In which numbers the model computes.", "fp32", {
      fp32: "32-bit floats",
      bf16: "autocast to bfloat16",
      fp16: "autocast to half precision with gradient scaling",
    }),
    device: words("device", "Where it runs.", "auto", {
      auto: "the GPU if there is one",
      cpu: "CPU",
      cuda: "CUDA GPU",
      mps: "Apple GPU",
    }),
    trace_every: number("trace every", "Steps from one measurement of all tensors to the next.", 10, [1, 100], {
      type: "integer",
      minimum: 1,
      maximum: 1e6,
      log: true,
    }),
  };
}

/**
 * @param {string} title
 * @param {string} description
 * @param {number} value
 * @param {[number, number]} slider
 * @param {{ type?: "number" | "integer", minimum: number, maximum: number, log?: boolean }} kind
 * @returns {import("../lib/controls.mjs").Property}
 */
function number(title, description, value, slider, { type = "number", minimum, maximum, log = false }) {
  return {
    type,
    title,
    description,
    default: value,
    minimum,
    maximum,
    "x-slider": slider,
    "x-scale": log ? "log" : "linear",
  };
}

/**
 * @param {string} title
 * @param {string} description
 * @param {string} value
 * @param {Record<string, string>} options
 * @returns {import("../lib/controls.mjs").Property}
 */
function words(title, description, value, options) {
  return { type: "string", title, description, default: value, enum: Object.keys(options), "x-options": options };
}

const PAIR = (/** @type {number} */ lr, /** @type {number} */ decay) => [
  { optimizer: "adam_l2", hyper: { lr, weight_decay: decay } },
  { optimizer: "adamw", hyper: { lr, weight_decay: decay } },
];

/** Experiments that start with one click. */
export const PRESETS = [
  {
    title: "Adam+L2 | AdamW on digits",
    task: "digits_mlp",
    run: { steps: 600, batch_size: 64 },
    runners: PAIR(1e-3, 0.1),
  },
  {
    title: "Adam+L2 | AdamW on the nano GPT",
    task: "char_gpt",
    settings: { size: "nano" },
    run: { steps: 300, batch_size: 16 },
    runners: PAIR(1e-3, 0.1),
  },
  {
    title: "Warm-up or not, on the nano GPT",
    task: "char_gpt",
    settings: { size: "nano" },
    run: { steps: 300, batch_size: 16 },
    runners: [
      { optimizer: "adamw", hyper: { lr: 5e-3, weight_decay: 0.1 }, schedule: { id: "cosine" } },
      { optimizer: "adamw", hyper: { lr: 5e-3, weight_decay: 0.1 }, schedule: { id: "cosine", warmup_steps: 50 } },
    ],
  },
  {
    title: "λ against overfitting, on noisy labels",
    task: "noisy_labels",
    run: { steps: 1500, batch_size: 64 },
    runners: [0, 0.1, 1].map((decay) => ({ optimizer: "adamw", hyper: { lr: 1e-3, weight_decay: decay } })),
  },
  {
    title: "How fast weights turn, without scale",
    task: "scale_invariant",
    run: { steps: 3000, batch_size: 32 },
    runners: PAIR(1e-3, 0.1),
  },
];
