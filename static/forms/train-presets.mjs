// Experiments that start with one click. What a preset leaves out is as its task suggests.

const PAIR = (/** @type {number} */ lr, /** @type {number} */ decay) => [
  { optimizer: "adam_l2", hyper: { lr, weight_decay: decay } },
  { optimizer: "adamw", hyper: { lr, weight_decay: decay } },
];

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
