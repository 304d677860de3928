"""One stream of events: a cursor for each run, and nothing else that grows.

What lies after a cursor is taken from the run's buffer of recent frames; whoever has fallen out of the
buffer reads the store until it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from app.http.columns import Columns
from app.store import NoSuchRun, Query, Run
from app.stream.buffer import FrameBuffer, frame_text, state_text
from optim_core.transport.frames import Frame

KEEP_ALIVE_SECONDS = 15.0
CHUNK_BYTES = 250_000  # read from the store, or sent, at once


class Source(Protocol):
    """Where a subscription takes from: the hub."""

    closed: bool

    def buffer(self, run: str) -> FrameBuffer:
        """The buffer of a run that somebody watches."""

    def states_since(self, version: int) -> tuple[int, dict[str, bytes]]:
        """The states that were told after ``version``, oldest first; with the version now."""

    def leave(self, subscription: Subscription) -> None:
        """Forgets a watcher."""


class Reader(Protocol):
    """What is kept of runs: the store, or one that adds to it."""

    def select(self, query: Query) -> tuple[list[Run], int]:
        """One page of runs, and how many there are in all."""

    def frames(self, run: str, after: int, wanted: Columns, most_bytes: int) -> list[Frame]:
        """The next frames from sequence number ``after`` on, with the wanted columns: a few at a time."""


class Subscription:
    """One stream: its cursors, its columns, and the events that it gives."""

    def __init__(
        self,
        hub: Source,
        store: Reader,
        after: dict[str, int],
        columns: Columns,
        *,
        all_runs: bool,
        version: int,
        who: str = "",
        place: str = "",
    ):
        self.wake = asyncio.Event()
        self.after = after
        self.who, self.place = who, place
        self._hub = hub
        self._store = store
        self._columns = columns
        self._all = all_runs
        self._version = version
        self._behind = set(after)  # runs of which the store may have more than the buffer

    def close(self) -> None:
        """Stops watching."""
        self._hub.leave(self)

    async def events(self) -> AsyncIterator[bytes]:
        """The stream's text, until the hub closes."""
        yield b"retry: 1000\n\n"
        states = await run_in_threadpool(self._first_states)
        if states:
            yield states
        while not self._hub.closed:
            self.wake.clear()
            sent = False
            for run in sorted(self._behind):
                text = await self._from_store(run)
                if text:
                    sent = True
                    yield text
            for text in self._from_buffers():
                sent = True
                yield text
            text = self._states()
            if text:
                yield text
            elif not sent and not self._behind:
                try:
                    await asyncio.wait_for(self.wake.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"

    def _first_states(self) -> bytes:
        if not self.after:
            return b""
        runs, _ = self._store.select(Query(ids=list(self.after), limit=len(self.after)))
        return b"".join(state_text(run.summary()) for run in runs)

    def _cursor(self) -> bytes:
        return b"id: " + ",".join(f"{run}:{seq}" for run, seq in self.after.items()).encode() + b"\n"

    async def _from_store(self, run: str) -> bytes:
        """The next frames of a run that the buffer does not hold; stops being behind when there are none."""
        buffer = self._hub.buffer(run)
        if buffer.at(self.after[run]):
            self._behind.discard(run)
            return b""
        try:
            texts = await run_in_threadpool(self._read, run, self.after[run])
        except NoSuchRun:
            self._behind.discard(run)
            return b""
        if not texts:
            # Nothing came between the reading and now, or it is in the buffer.
            if buffer.first is None or self.after[run] >= buffer.first:
                self._behind.discard(run)
            return b""
        parts = []
        for seq, text in texts:
            self.after[run] = seq + 1
            parts += [self._cursor(), text]
        return b"".join(parts)

    def _read(self, run: str, after: int) -> Sequence[tuple[int, bytes]]:
        frames = self._store.frames(run, after, self._columns, CHUNK_BYTES)
        return [(frame.seq, frame_text(frame, self._columns)) for frame in frames]

    def _from_buffers(self) -> Sequence[bytes]:
        chunks: list[bytes] = []
        for run in self.after:
            if run in self._behind:
                continue
            buffer, parts, size = self._hub.buffer(run), list[bytes](), 0
            while size < CHUNK_BYTES and (kept := buffer.at(self.after[run])):
                self.after[run] += 1
                text = kept.text(self._columns)
                parts += [self._cursor(), text]
                size += len(text)
            if parts:
                chunks.append(b"".join(parts))
            if buffer.first is not None and self.after[run] < buffer.first:
                self._behind.add(run)  # too slow: back to the store
        return chunks

    def _states(self) -> bytes:
        """What was told of the runs that are watched, except where frames are still to come."""
        if self._behind:
            return b""
        self._version, states = self._hub.states_since(self._version)
        return b"".join(text for run, text in states.items() if self._all or run in self.after)
