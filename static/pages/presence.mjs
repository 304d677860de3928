// On a server for many: tells that somebody looks at this page, and offers what the instructor shows.

import { ApiError, get, post } from "../data/api.mjs";
import { bare } from "../data/root.mjs";
import { byId, make, visitor } from "../ui/dom.mjs";
import { showTokens } from "../ui/tokens.mjs";

const EVERY_MS = 5000;
const SEEN = "optimscope-shown"; // the last view that was opened or put away

const here = () => bare(location.pathname) + location.search;
const note = byId("announcement");

if (visitor().instructs) {
  const share = make("button", { type: "button", title: "Everybody is offered what you see now" }, "Show to all");
  share.addEventListener("click", async () => {
    try {
      const shown = await post("/api/room/shown", { path: here(), title: document.title.split(" · ")[0] });
      sessionStorage.setItem(SEEN, String(shown.id));
      share.textContent = "Shown to all";
      setTimeout(() => {
        share.textContent = "Show to all";
      }, 2000);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      share.textContent = error.message;
    }
  });
  document.querySelector(".masthead-tools")?.prepend(share);
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
    const { shown } = await get(`/api/room?${new URLSearchParams({ page: here() })}`);
    if (!shown) note.hidden = true;
    else if (sessionStorage.getItem(SEEN) !== String(shown.id)) offer(shown);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // the next time will tell
  }
}

byId("tokens").addEventListener("click", showTokens);
look();
setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
