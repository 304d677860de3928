// The instructor's page: who is here, what runs and waits, and what everybody is shown.

import { ApiError, get, send } from "../data/api.mjs";
import { makeStatusLabel } from "../run/label.mjs";
import { confirmAction } from "../ui/dialog.mjs";
import { byId, make } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";
import { runName } from "../ui/names.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";

const EVERY_MS = 2000;
const UNFINISHED = ["queued", "starting", "running", "paused"].map((status) => `status=${status}`).join("&");

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
/** @type {any[]} */
let active = [];

async function refresh() {
  try {
    const [presence, { guests, queue, computing, streams }, runs] = await Promise.all([
      get("/api/room"),
      get("/api/room/guests"),
      get(`/api/runs?${UNFINISHED}&sort=created&limit=200`),
    ]);
    active = runs.runs;
    byId("figures").textContent =
      `${count(guests.length)} here · ${count(active.length - queue.length)} running · ` +
      `${count(queue.length)} waiting · ${count(streams)} streams · ${count(computing)} pictures to compute`;
    showShown(presence.shown);
    showRuns(queue);
    showGuests(guests, presence.you.id);
    showMessage("");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showMessage([error.message, error.hint].filter(Boolean).join(" "));
  }
}

/** @param {any} shown */
function showShown(shown) {
  byId("shown").replaceChildren(
    ...(shown
      ? [
          make("a", { href: shown.path }, shown.title || shown.path),
          shown.follow ? " (everybody follows) " : " ",
          make("button", { type: "button", onclick: () => act("/api/room/shown", "DELETE") }, "Show no longer"),
        ]
      : ["Nothing at present."]),
  );
}

/** @param {string[]} queue */
function showRuns(queue) {
  const place = new Map(queue.map((id, i) => [id, i + 1]));
  const rows = [...active].sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  byId("idle").hidden = rows.length > 0;
  /** @type {HTMLButtonElement} */ (byId("stop-all")).disabled = !rows.length;
  byId("active").replaceChildren(
    ...rows.map((run) => {
      const label = makeStatusLabel();
      label.update(run);
      const stop = () => act(`/api/runs/${run.id}/cancel`, "POST");
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, make("a", { href: `/runs/${run.id}` }, runName(run))),
        make("td", {}, run.owner),
        make("td", {}, run.task),
        make("td", {}, label.element, place.has(run.id) ? ` ${place.get(run.id)}.` : ""),
        make("td", { class: "number-cell" }, run.steps ? `${count(run.step)} / ${count(run.steps)}` : count(run.step)),
        make("td", {}, make("button", { type: "button", class: "plain", onclick: stop }, "Stop")),
      );
    }),
  );
}

/** @param {any[]} guests @param {string} you */
function showGuests(guests, you) {
  byId("guests").replaceChildren(
    ...guests.map((guest) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, guest.id + (guest.id === you ? " (you)" : "")),
        make("td", {}, make("bdi", {}, guest.name || "–")),
        make("td", {}, guest.address),
        make("td", {}, make("a", { href: guest.page }, guest.page.split("?")[0] || "/")),
        make("td", { class: "number-cell" }, count(guest.streams)),
        make("td", { class: "number-cell" }, count(guest.runs)),
        make("td", {}, new Date(1000 * guest.since).toLocaleTimeString()),
      ),
    ),
  );
}

async function stopAll() {
  const text = "What was measured until now stays.";
  if (!(await confirmAction(`Stop ${count(active.length)} runs?`, text, "Stop"))) return;
  for (const run of active) await act(`/api/runs/${run.id}/cancel`, "POST");
}

async function reset() {
  const text = "Everything that runs is stopped, and every open page goes back to the start. What was measured stays.";
  if (await confirmAction("Reset the class?", text, "Reset")) await act("/api/room/reset", "POST");
}

/** @param {string} path @param {string} method */
async function act(path, method) {
  try {
    await send(path, method);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showMessage(error.message);
  }
  refresh();
}

/** @param {string} text */
function showMessage(text) {
  byId("status").textContent = text;
  byId("status").hidden = !text;
}

// A server for one person has nobody else, and the page says so.
if (document.getElementById("guests")) {
  byId("stop-all").addEventListener("click", stopAll);
  byId("reset").addEventListener("click", reset);
  refresh();
  setInterval(() => document.hidden || refresh(), EVERY_MS);
}
