// What a run is called where nobody gave it a name.

/** @param {{ id: string, name?: string, optimizer?: string, task?: string }} run */
export function nameOf({ id, name, optimizer, task }) {
  return name || [optimizer, task].filter(Boolean).join(" on ") || id;
}
