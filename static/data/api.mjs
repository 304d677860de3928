// The server's answers and its stream, with arrays decoded; every failure is an ApiError with a field and a hint.

import { under } from "./root.mjs";

/** @typedef {Float32Array | Float64Array | Uint8Array} Numbers */

/** An answer that was not one: `field` is the path of the value that the server refused. */
export class ApiError extends Error {
  /** @param {{ code?: string, message: string, field?: string, hint?: string }} error @param {number} [status]  of the answer, if there was one */
  constructor(error, status = 0) {
    super(error.message);
    this.status = status;
    this.code = error.code ?? "";
    this.field = error.field ?? "";
    this.hint = error.hint ?? "";
  }
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} [signal]
 */
export async function post(path, body, signal) {
  return decode(
    await answer(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: signal ?? null,
    }),
  );
}

/**
 * Asks for a change whose answer does not matter.
 * @param {string} path
 * @param {string} method
 * @param {object} [body]
 */
export async function send(path, method, body) {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  await request(path, { method, ...(body ? json : {}) });
}

/** @param {string} path */
export async function get(path) {
  return decode(await answer(path, {}));
}

/**
 * The same as text, for files.
 * @param {string} path
 * @param {object} body
 */
export async function postForText(path, body) {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.text();
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function answer(path, options) {
  return (await request(path, options)).json();
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function request(path, options) {
  let response;
  try {
    response = await fetch(under(path), options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({
      code: "offline",
      message: "The server does not answer.",
      hint: "It is asked again at the next change.",
    });
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  const error = body?.error ?? { code: "http", message: `The server answered ${response.status}.` };
  throw new ApiError(error, response.status);
}

const DECODERS = {
  /** @param {ArrayBuffer} buffer */
  f4: (buffer) => new Float32Array(buffer),
  /** @param {ArrayBuffer} buffer */
  f8: (buffer) => new Float64Array(buffer),
  /** @param {ArrayBuffer} buffer */
  u1: (buffer) => new Uint8Array(buffer),
};

/**
 * The browser's own decoder where it has one: it is ten times as fast as the loop.
 * @param {string} text
 * @returns {ArrayBuffer}
 */
function fromBase64(text) {
  const native = /** @type {any} */ (Uint8Array).fromBase64;
  if (native) return native(text).buffer;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

/**
 * `value` with every {dtype, shape, bdata} in it turned into a typed array (with its shape).
 * @param {any} value
 * @returns {any}
 */
export function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.bdata === "string" && value.dtype in DECODERS) {
    const numbers = DECODERS[/** @type {keyof typeof DECODERS} */ (value.dtype)](fromBase64(value.bdata));
    return Object.assign(numbers, { shape: value.shape });
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner)]));
}

/**
 * A caller of `work` that always ends with the newest input: one call runs at a time, inputs that
 * come meanwhile replace each other, and a call that is stale for longer than `patience` ms is aborted.
 * @template I, O
 * @param {(input: I, signal: AbortSignal) => Promise<O>} work
 * @param {(output: O, input: I) => void} done
 * @param {(error: unknown, input: I) => void} failed
 * @param {number} [patience]
 */
export function latest(work, done, failed, patience = 250) {
  /** @type {I | undefined} */
  let waiting;
  /** @type {AbortController | undefined} */
  let running;
  /** @param {I} input */
  async function run(input) {
    const controller = new AbortController();
    running = controller;
    try {
      const output = await work(input, controller.signal);
      if (!controller.signal.aborted) done(output, input);
    } catch (error) {
      if (!controller.signal.aborted) failed(error, input);
    } finally {
      running = undefined;
      if (waiting !== undefined) {
        const next = waiting;
        waiting = undefined;
        run(next);
      }
    }
  }
  /** @param {I} input */
  return (input) => {
    if (!running) {
      run(input);
      return;
    }
    const stale = running;
    waiting = input;
    setTimeout(() => stale === running && stale.abort(), patience);
  };
}

const REOPEN_MS = 3_000;

/**
 * Opens the one stream of a tab, of `runs` (ids, or "*" for the states of all) and returns how to close it. A
 * connection that is lost is opened again, and the server goes on after the last event that arrived; what the server
 * refuses is over, and told in its words.
 * @param {string} runs
 * @param {{ after?: string, columns?: string }} query
 * @param {{ onFrame?: (frame: any) => void, onState: (state: any) => void, onConnection: (connected: boolean) => void,
 *   onRefused: (error: ApiError) => void }} listeners
 */
export function openStream(runs, query, { onFrame, onState, onConnection, onRefused }) {
  let over = false;
  let waiting = 0;
  let cursor = query.after;
  /** @type {EventSource} */
  let source;

  function open() {
    const parameters = new URLSearchParams({ runs, ...query, ...(cursor ? { after: cursor } : {}) });
    const address = `/api/stream?${parameters}`;
    source = new EventSource(under(address));
    source.addEventListener("frame", (event) => {
      cursor = event.lastEventId || cursor;
      onFrame?.(decode(JSON.parse(event.data)));
    });
    source.addEventListener("state", (event) => onState(JSON.parse(event.data)));
    source.addEventListener("open", () => onConnection(true));
    source.addEventListener("error", () => {
      // The browser goes on by itself unless it got an answer that is no stream, and does not tell which.
      if (source.readyState === EventSource.CLOSED) ask(address);
      else onConnection(false);
    });
  }

  /** @param {string} address */
  async function ask(address) {
    const error = await refusalOf(address);
    if (over) return;
    if (error) onRefused(error);
    else {
      onConnection(false);
      waiting = window.setTimeout(open, REOPEN_MS);
    }
  }

  function close() {
    over = true;
    clearTimeout(waiting);
    source.close();
  }
  open();
  // A page that is left in the background for good must not hold a connection.
  addEventListener("pagehide", close, { once: true });
  return close;
}

/** Why the server gives no stream, in its words; null where it would, or where it cannot say. @param {string} address */
async function refusalOf(address) {
  const stop = new AbortController();
  try {
    await request(address, { signal: stop.signal });
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const refused = error.status >= 400 && error.status < 500 && error.code !== "http";
    return refused ? error : null;
  } finally {
    stop.abort();
  }
}
