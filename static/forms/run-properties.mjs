// The settings that all runners share: steps, gradient noise and its seed.

/** @param {any} catalogue @returns {Record<string, import("./controls.mjs").Property>} */
export function runProperties(catalogue) {
  return {
    steps: {
      type: "integer",
      title: "steps",
      description: "How many steps every runner takes.",
      default: 300,
      minimum: 1,
      maximum: catalogue.limits.steps,
      "x-slider": [10, Math.min(5000, catalogue.limits.steps)],
      "x-scale": "log",
    },
    noise: {
      type: "number",
      title: "gradient noise",
      description: "Standard deviation of Gaussian noise on each gradient coordinate, the same for all runners.",
      default: 0,
      minimum: 0,
      maximum: 1e6,
      "x-slider": [0.01, 100],
      "x-scale": "log",
    },
    seed: {
      type: "integer",
      title: "seed",
      description: "Which noise is drawn.",
      default: 0,
      minimum: 0,
      maximum: 1e9,
      "x-slider": [0, 100],
      "x-scale": "linear",
    },
  };
}
