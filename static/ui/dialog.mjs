// Questions in a dialog of the page's own: for a text, or whether something shall be done.

import { make } from "./dom.mjs";

/**
 * Asks for one line of text; null where the question was put away.
 * @param {string} title
 * @param {string} text  what stands there at first
 * @returns {Promise<string | null>}
 */
export async function promptText(title, text) {
  const field = make("input", { type: "text", "aria-label": title, autocomplete: "off", value: text });
  return (await show(title, field, "Save")) ? field.value : null;
}

/**
 * Asks whether to do what cannot be undone.
 * @param {string} title
 * @param {string} text  what it would do
 * @param {string} action  the word on the button
 * @returns {Promise<boolean>}
 */
export function confirmAction(title, text, action) {
  return show(title, make("p", {}, text), action);
}

/** @param {string} title @param {HTMLElement} content @param {string} action @returns {Promise<boolean>} */
function show(title, content, action) {
  const act = make("button", { class: "primary", value: "yes" }, action);
  const dialog = make(
    "dialog",
    { class: "prompt", "aria-label": title },
    make(
      "form",
      { method: "dialog" },
      make("h2", {}, title),
      content,
      make(
        "div",
        { class: "dialog-actions" },
        act,
        make("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  (content instanceof HTMLInputElement ? content : act).focus();
  if (content instanceof HTMLInputElement) content.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
