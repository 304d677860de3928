// Starting several runs that differ in one field: which field, and its values.

import { make, set } from "../ui/dom.mjs";
import { plain } from "../ui/format.mjs";
import { problemOf } from "./controls.mjs";
import { countOf, currentOf, fieldsOf, numbersIn, requestsOf, suggest } from "./train-request.mjs";

const NAMED = 24; // runs that are listed by name

/**
 * @typedef {import("./train-request.mjs").Field} Field
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store  with the fields of a Form
 * @param {any} catalogue
 * @param {Record<string, import("./controls.mjs").Property>} options
 */
export function mountVary(root, store, catalogue, options) {
  const select = make("select", { id: "vary-field", "aria-label": "Vary" });
  const values = make("div", { class: "vary-values" });
  const error = make("p", { class: "field-error", id: "vary-error", hidden: true });
  const list = make("ol", { class: "will-start", "aria-label": "Runs that will start" });
  root.append(
    make("div", { class: "control choice" }, make("label", { for: "vary-field" }, "vary"), select),
    values,
    error,
    list,
  );
  /** @type {any} */
  let shown = null; // the choice that the boxes below hold
  let offered = "";
  let own = ""; // what is told here, without asking the server

  select.addEventListener("change", () => {
    const field = fields().find(({ path }) => path === select.value);
    store.set({
      vary: field
        ? { path: field.path, values: wire(field.path, suggest(field.property, currentOf(store.get(), field))) }
        : { path: "", values: [] },
      error: null,
    });
  });

  const fields = () => fieldsOf(store.get(), options, catalogue);

  function render() {
    const { vary } = store.get();
    const known = fields();
    const key = JSON.stringify(known.map(({ path }) => path));
    if (key !== offered) {
      offered = key;
      const groups = Map.groupBy(known, ({ group }) => group);
      select.replaceChildren(
        make("option", { value: "" }, "nothing but the optimizer"),
        ...[...groups].map(([group, members]) =>
          make(
            "optgroup",
            { label: group },
            ...members.map(({ path, property }) =>
              make("option", { value: path, title: property.description }, property.title),
            ),
          ),
        ),
      );
    }
    const field = known.find(({ path }) => path === vary.path);
    if (vary.path && !field) {
      store.set({ vary: { path: "", values: [] } }); // its task or its optimizer is gone
      return;
    }
    select.value = vary.path;
    if (vary !== shown) {
      shown = vary;
      refuse("");
      values.replaceChildren(
        ...(field ? [field.property.enum || field.property.type === "boolean" ? boxes(field) : box(field)] : []),
      );
    }
    listRuns();
  }

  /** Numbers, typed. @param {Field} field */
  function box(field) {
    const input = make("input", {
      type: "text",
      id: "vary-box",
      value: store.get().vary.values.map(plain).join(", "),
      "aria-describedby": "vary-error",
      autocomplete: "off",
    });
    input.addEventListener("input", () => {
      const found = numbersIn(input.value);
      const wrong = found?.map((value) => problemOf(field.property, value)).find(Boolean);
      refuse(found ? (wrong?.message ?? "") : "Type numbers, separated by commas: 0.001, 0.01.");
      if (found) keep(field.path, found);
    });
    return make("div", { class: "control choice" }, make("label", { for: "vary-box" }, "values"), input);
  }

  /** Words, chosen. @param {Field} field */
  function boxes(field) {
    const words = field.property.enum ?? [false, true];
    const help = field.property["x-options"] ?? {};
    const chosen = new Set(store.get().vary.values.map(word));
    return make(
      "fieldset",
      { class: "words" },
      make("legend", { class: "visually-hidden" }, `Values of ${field.property.title}`),
      ...words.map((value) => {
        const input = make("input", {
          type: "checkbox",
          checked: chosen.has(value),
          onchange: () => {
            if (input.checked) chosen.add(value);
            else chosen.delete(value);
            keep(
              field.path,
              wire(
                field.path,
                words.filter((each) => chosen.has(each)),
              ),
            );
          },
        });
        return make(
          "label",
          {},
          input,
          make("span", {}, String(value)),
          help[String(value)] ? make("span", { class: "hint" }, ` ${help[String(value)]}`) : null,
        );
      }),
    );
  }

  /** Takes values from the boxes, which stay as they are. @param {string} path @param {any[]} chosen */
  function keep(path, chosen) {
    shown = { path, values: chosen };
    store.set({ vary: shown });
  }

  function listRuns() {
    const requests = requestsOf(store.get(), options, catalogue);
    const title = fields().find(({ path }) => path === store.get().vary.path)?.property.title ?? "";
    const names = requests.flatMap(({ optimizer, vary, name: own }) => {
      const name = own ?? catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer)?.title ?? optimizer;
      return vary
        ? Object.values(vary)
            .flat()
            .map((value) => `${name}, ${title} ${word(value)}`)
        : [name];
    });
    list.replaceChildren(...names.slice(0, NAMED).map((name) => make("li", {}, name)));
    list.hidden = countOf(requests) === 0;
  }

  /** Tells what is wrong with what was typed. @param {string} text */
  function refuse(text) {
    own = text;
    show();
  }

  function show() {
    const { field = "", message = "" } = store.get().error ?? {};
    const text = own || (/(^|\.)vary/.test(field) ? message : "");
    error.textContent = text;
    error.hidden = !text;
    for (const input of values.querySelectorAll("input[type=text]"))
      set(input, { "aria-invalid": text ? "true" : undefined });
  }

  store.on(["vary", "runners", "task"], render);
  store.on(["error"], show);
  render();
}

/** Values as a request has them: schedules are objects there. @param {string} path @param {any[]} values */
function wire(path, values) {
  return path === "schedule" ? values.map((id) => ({ id })) : values;
}

/** A value as people read it. @param {any} value */
function word(value) {
  return value?.id ?? (typeof value === "number" ? plain(value) : value);
}
