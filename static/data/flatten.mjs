// Nested settings as one level.

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
