// On a server for many: tells that somebody looks at this page, and offers what the instructor shows.

import { ApiError, get, post, send } from "../data/api.mjs";
import { bare, under } from "../data/root.mjs";
import { byId, make, visitor } from "../ui/dom.mjs";
import { showTokens } from "../ui/tokens.mjs";

const EVERY_MS = 3000;
const NAME = "optimscope-name"; // that somebody chose
const FOLLOWED = "optimscope-followed"; // while the instructor has everybody follow
const DESK = "/instructor";
const SEEN = "optimscope-shown"; // the last view that was opened or put away

const here = () => bare(location.pathname) + location.search;
const note = byId("announcement");

/** What is shown now, as the server told last. @type {{ id: number, path: string, title: string, follow: boolean } | null} */
let current = null;

const share = make("button", { type: "button", title: "Everybody is offered what you see now", onclick: showHere });
const follow = make("input", { type: "checkbox", onchange: lead });
if (visitor().instructs) {
  document
    .querySelector(".masthead-tools")
    ?.prepend(
      share,
      make("label", { class: "follow", title: "Everybody's page goes where yours goes" }, follow, "Follow"),
    );
  renderShare();
}

function renderShare() {
  const on = current !== null && current.path === here();
  share.textContent = on ? "Shown to all: on" : "Show to all";
  share.setAttribute("aria-pressed", String(on));
  follow.checked = sessionStorage.getItem(FOLLOWED) !== null;
}

/** Has everybody follow, or lets them go. */
function lead() {
  if (follow.checked) sessionStorage.setItem(FOLLOWED, "on");
  else sessionStorage.removeItem(FOLLOWED);
  return follow.checked ? show() : hide();
}

/** Turns it on, or off where this very view is shown. */
function showHere() {
  return current?.path === here() ? hide() : show();
}

async function show() {
  const title = document.title.split(" · ")[0];
  await told(async () => {
    current = await post("/api/room/shown", { path: here(), title, follow: follow.checked });
    if (current) sessionStorage.setItem(SEEN, String(current.id));
  });
}

async function hide() {
  await told(async () => {
    await send("/api/room/shown", "DELETE");
    current = null;
  });
}

/** @param {() => Promise<void>} act */
async function told(act) {
  try {
    await act();
    renderShare();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    share.textContent = error.message;
  }
}

/** @param {{ id: number, path: string, title: string }} shown */
function offer(shown) {
  const done = () => {
    sessionStorage.setItem(SEEN, String(shown.id));
    note.hidden = true;
  };
  note.replaceChildren(
    `The instructor shows ${shown.title || shown.path}. `,
    make("a", { class: "button", href: shown.path, onclick: done }, "Look"),
    " ",
    make("button", { type: "button", onclick: done }, "Not now"),
  );
  note.hidden = false;
}

async function look() {
  if (document.hidden) return;
  try {
    const { shown } = await get(`/api/room?${new URLSearchParams({ page: here(), name: name.value })}`);
    current = shown;
    if (visitor().instructs) {
      const leads = follow.checked && !here().startsWith(DESK); // which is the instructor's alone
      if (leads && shown?.path !== here()) await show();
      else renderShare();
    } else if (!shown) note.hidden = true;
    else if (sessionStorage.getItem(SEEN) !== String(shown.id)) {
      if (shown.follow) go(shown);
      else offer(shown);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // the next time will tell
  }
}

/** The instructor's page is followed: once for each view, so that everybody may try something there. @param {{ id: number, path: string }} shown */
function go(shown) {
  sessionStorage.setItem(SEEN, String(shown.id));
  if (shown.path !== here()) location.href = under(shown.path);
}

const name = /** @type {HTMLInputElement} */ (byId("own-name"));
name.value = localStorage.getItem(NAME) ?? "";
name.addEventListener("change", () => {
  localStorage.setItem(NAME, name.value);
  look();
});
byId("tokens").addEventListener("click", showTokens);
look();
setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
