// The stream of a tab: what is lost is opened again where it was, what is refused is told and over.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { openStream } from "../../static/data/api.mjs";

/** @type {FakeSource[]} */
let opened = [];

class FakeSource extends EventTarget {
  static CLOSED = 2;
  readyState = 1;
  /** @param {string} address */
  constructor(address) {
    super();
    this.query = new URL(address, "http://x").searchParams;
    opened.push(this);
  }
  /** @param {number} readyState */
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
  close() {
    this.readyState = FakeSource.CLOSED;
  }
}

/** What an error of the stream leads to, where the server answers so. @param {number} status @param {object} body */
function follow(status, body) {
  /** @type {any[]} */
  const told = [];
  Object.assign(globalThis, { fetch: async () => new Response(JSON.stringify(body), { status }) });
  const close = openStream(
    "a,b",
    { after: "a:3,b:0" },
    {
      onFrame: () => {},
      onState: () => {},
      onConnection: (connected) => told.push(connected),
      onRefused: (error) => told.push(error.message),
    },
  );
  return { told, close };
}

/** All that is promised has happened. */
const settled = () => new Promise((done) => setImmediate(done));

beforeEach(() => {
  opened = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  Object.assign(globalThis, { EventSource: FakeSource, window: globalThis, addEventListener: () => {} });
});

test("a refusal is told in the server's words and not tried again", async () => {
  const { told } = follow(422, { error: { code: "limit", message: "got 65 runs" } });
  opened[0]?.fail(FakeSource.CLOSED);
  await settled();
  mock.timers.tick(3_600_000);
  assert.deepEqual(told, ["got 65 runs"]);
  assert.equal(opened.length, 1);
});

test("an answer that is no refusal is tried again, after the last event that arrived", async () => {
  const { told, close } = follow(503, { error: { code: "starting", message: "The server is starting." } });
  const data = JSON.stringify({ run: "a", seq: 3, columns: {} });
  opened[0]?.dispatchEvent(new MessageEvent("frame", { data, lastEventId: "a:4,b:0" }));
  opened[0]?.fail(FakeSource.CLOSED);
  await settled();
  assert.deepEqual([told, opened.length], [[false], 1]);
  mock.timers.tick(3_000);
  assert.deepEqual([opened.length, opened[1]?.query.get("after")], [2, "a:4,b:0"]);
  opened[1]?.dispatchEvent(new Event("open"));
  assert.deepEqual(told, [false, true]);
  opened[1]?.fail(FakeSource.CLOSED);
  close();
  await settled();
  mock.timers.tick(3_600_000);
  assert.equal(opened.length, 2, "closed by the page, it stays closed");
});

test("while the browser itself reconnects nothing else is done", async () => {
  const { told } = follow(422, {});
  opened[0]?.fail(0);
  await settled();
  mock.timers.tick(3_600_000);
  assert.deepEqual([told, opened.length], [[false], 1]);
});

test("an error page of a proxy is no refusal", async () => {
  const { told } = follow(404, "no JSON of ours");
  opened[0]?.fail(FakeSource.CLOSED);
  await settled();
  mock.timers.tick(3_000);
  assert.deepEqual([told, opened.length], [[false], 2]);
});
