// The controls of a whole schema, and which of its fields are wrong.

import { control } from "./controls.mjs";

/**
 * Controls for all properties of a schema, by name.
 * @param {{ properties: Record<string, import("./controls.mjs").Property> }} schema
 * @param {(name: string, value: any, committed: boolean) => void} onChange
 * @param {() => Record<string, any>} [opening]  what emptied fields go back to, where that is not the default
 * @returns {{ elements: Record<string, HTMLElement>, forget: () => void,
 *   update: (values: Record<string, any>, errors?: Record<string, any>) => void }}
 */
export function form(schema, onChange, opening = () => ({})) {
  const controls = Object.entries(schema.properties).map(
    ([name, property]) =>
      /** @type {const} */ ([
        name,
        property,
        control(
          property,
          (value, committed) => onChange(name, value, committed),
          () => opening()[name] ?? property.default,
        ),
      ]),
  );
  return {
    elements: Object.fromEntries(controls.map(([name, , made]) => [name, made.element])),
    forget() {
      for (const [, , made] of controls) made.forget?.();
    },
    update(values, errors = {}) {
      for (const [name, property, made] of controls) made.update(values[name] ?? property.default, errors[name]);
    },
  };
}

/**
 * The first field under `root` whose text cannot be used as it stands; a fold that hides it is opened.
 * @param {HTMLElement} root
 * @returns {HTMLElement | null}
 */
export function firstWrong(root) {
  const field = /** @type {HTMLElement | null} */ (root.querySelector('[aria-invalid="true"]:not([type=range])'));
  const fold = field?.closest("details");
  if (fold) fold.open = true;
  return field;
}

/**
 * The errors that concern one part of the request: those whose field path begins with `path`, by the
 * name that follows.
 * @param {{ field: string, message: string, hint: string } | null} error
 * @param {string} path
 */
export function errorsAt(error, path) {
  if (!error?.field.startsWith(`${path}.`)) return {};
  return { [error.field.slice(path.length + 1).split(".")[0] ?? ""]: error };
}
