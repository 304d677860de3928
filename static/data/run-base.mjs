// η and λ of a run as somebody sets them: a schedule multiplies these at every step.

const SCHEDULES = /** @type {Record<string, string>} */ ({ lr: "schedule", weight_decay: "decay_schedule" });

/** Whether a schedule multiplies the setting. @param {any} info @param {string} name */
export function isScheduled(info, name) {
  return Boolean(info.config?.[SCHEDULES[name] ?? ""]);
}

/**
 * The setting before any schedule: as it was changed by hand, else as the run began. What ran elsewhere
 * told no more than what it measured last.
 * @param {any} info
 * @param {string} name
 * @returns {number | null}
 */
export function baseOf(info, name) {
  const began = info.kind === "train" ? info.config?.hyper?.[name] : null;
  return info.changed?.[name] ?? began ?? info.latest?.[name] ?? null;
}
