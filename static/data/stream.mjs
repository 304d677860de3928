// The one stream of a tab: many runs in one connection, resumed where it broke.

import { decode } from "./api.mjs";

/**
 * Opens the stream of `runs` (ids, or "*" for the states of all) and returns how to close it. The
 * browser reconnects by itself and the server goes on after the last event that arrived.
 * @param {string} runs
 * @param {{ after?: string, columns?: string }} query
 * @param {{ onFrame?: (frame: any) => void, onState: (state: any) => void, onConnection: (connected: boolean, refused: boolean) => void }} listeners
 */
export function openStream(runs, query, { onFrame, onState, onConnection }) {
  const parameters = new URLSearchParams({ runs, ...query });
  const source = new EventSource(`/api/stream?${parameters}`);
  source.addEventListener("frame", (event) => onFrame?.(decode(JSON.parse(event.data))));
  source.addEventListener("state", (event) => onState(JSON.parse(event.data)));
  source.addEventListener("open", () => onConnection(true, false));
  // Refused, it is over: none of these runs is there any more, or the visitor may not look.
  source.addEventListener("error", () => onConnection(false, source.readyState === EventSource.CLOSED));
  // A page that is left in the background for good must not hold a connection.
  addEventListener("pagehide", () => source.close(), { once: true });
  return () => source.close();
}
