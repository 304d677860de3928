// Tokens for scripts: the dialog that makes, lists and revokes them.

import { ApiError, get, post, send } from "../data/api.mjs";
import { make } from "./dom.mjs";
import { plainName } from "./names.mjs";

/** @typedef {{ id: string, name: string, created: number }} Token */

/** Opens the dialog; it goes when it is closed. */
export async function showTokens() {
  const list = make("ul", { "aria-label": "Your tokens" });
  const fresh = make("output", { hidden: true });
  const status = make("p", { role: "status" });
  const name = make("input", {
    type: "text",
    maxlength: 80,
    autocomplete: "off",
    placeholder: "what it is for",
    "aria-label": "What the token is for",
  });
  const form = make("form", {}, name, make("button", { class: "primary" }, "Make a token"));
  const dialog = make(
    "dialog",
    { class: "prompt tokens", "aria-labelledby": "tokens-title" },
    make("h2", { id: "tokens-title" }, "Tokens for scripts"),
    make("p", {}, "A script that shows a token of yours is let in as you: its runs are yours to change."),
    list,
    fresh,
    form,
    status,
    make(
      "div",
      { class: "dialog-actions" },
      make("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
  );

  /** @param {() => Promise<void>} act */
  async function attempt(act) {
    status.textContent = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      status.textContent = `${error.message} ${error.hint}`.trim();
    }
  }

  async function refresh() {
    const { tokens } = await get("/api/tokens");
    list.replaceChildren(...tokens.map(row));
    list.hidden = !tokens.length;
  }

  /** @param {Token} token */
  function row(token) {
    const label = plainName(token.name) || token.id;
    const since = new Date(token.created * 1000).toLocaleDateString();
    const revoke = () =>
      attempt(async () => {
        await send(`/api/tokens/${token.id}`, "DELETE");
        fresh.hidden = true;
        await refresh();
      });
    return make(
      "li",
      {},
      make("span", {}, label),
      make("span", { class: "hint" }, since),
      make("button", { type: "button", "aria-label": `Revoke ${label}`, onclick: revoke }, "Revoke"),
    );
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const { token } = await post("/api/tokens", { name: name.value });
      name.value = "";
      const header = make("code", {}, `Authorization: Bearer ${token}`);
      fresh.replaceChildren("Shown only now; keep it. Scripts send it as", header);
      fresh.hidden = false;
      await refresh();
    });
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  await attempt(refresh);
}
