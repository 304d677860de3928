// The settings of runs: as one level of paths, and η and λ as somebody sets them, which a schedule multiplies.

/**
 * Nested settings by their paths.
 * @param {Record<string, any>} value
 * @param {string} [prefix]
 * @returns {Record<string, any>}
 */
export function flatten(value, prefix = "") {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const path = prefix ? `${prefix}.${name}` : name;
      return inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.entries(flatten(inner, path))
        : [[path, inner]];
    }),
  );
}

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
