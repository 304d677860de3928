"""From frames that were kept to everybody who watches: encoded once, and nobody waits for the slow.

A subscriber has no queue. It has a cursor for each run, and takes what lies after it from the run's
ring of recent frames, which all subscribers share; whoever has fallen out of the ring reads the store
until it is back. So memory does not depend on how slowly anybody reads.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool

from app.columns import Columns
from app.encoding import to_json
from app.store import Change, NoSuchRun, Query, Run, Status, Store
from optim_core.frames import Frame

RING_FRAMES = 256
RING_BYTES = 8_000_000
STATES = 1_000  # runs whose last state is kept
STATE_SECONDS = 0.2  # between two states of a run that differ in progress alone
KEEP_ALIVE_SECONDS = 15.0
CHUNK_BYTES = 250_000  # read from the store, or sent, at once

DELETED = "deleted"  # in place of a status


@dataclass
class _Kept:
    """A frame in a ring, with its text for each choice of columns."""

    frame: Frame
    size: int
    texts: dict[Columns, bytes] = field(default_factory=dict)

    def text(self, columns: Columns) -> bytes:
        if columns not in self.texts:
            self.texts[columns] = frame_text(self.frame, columns)
        return self.texts[columns]


class _Ring:
    """A run's recent frames, without gaps."""

    def __init__(self) -> None:
        self.frames: deque[_Kept] = deque()
        self.size = 0
        self.subscribers: set[Subscription] = set()

    def add(self, frame: Frame) -> None:
        size = sum(values.nbytes for values in frame.columns.values())
        self.frames.append(_Kept(frame, size))
        self.size += size
        while len(self.frames) > RING_FRAMES or (self.size > RING_BYTES and len(self.frames) > 1):
            self.size -= self.frames.popleft().size

    def at(self, seq: int) -> _Kept | None:
        index = seq - self.frames[0].frame.seq if self.frames else -1
        return self.frames[index] if 0 <= index < len(self.frames) else None

    @property
    def first(self) -> int | None:
        return self.frames[0].frame.seq if self.frames else None


def frame_text(frame: Frame, columns: Columns) -> bytes:
    """A frame's event without its id."""
    chosen = {name: values for name, values in frame.columns.items() if name != "step" and columns(name)}
    if chosen:
        chosen["step"] = frame.columns["step"]
    thin = Frame(frame.run, frame.seq, frame.first_step, chosen, frame.events)
    return b"event: frame\ndata: " + to_json(thin.to_json()) + b"\n\n"


def state_text(state: Mapping[str, Any]) -> bytes:
    """A state's event."""
    return b"event: state\ndata: " + to_json(state) + b"\n\n"


class Hub:
    """Lives on the event loop; only `announce` may be called from other threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rings: dict[str, _Ring] = {}
        self._watching_all: set[Subscription] = set()
        self._states: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._version = 0
        self._told: dict[str, tuple[float, tuple[object, ...]]] = {}
        self._late: dict[str, Run] = {}
        self.closed = False

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return len(
            set[Subscription]().union(self._watching_all, *(r.subscribers for r in self._rings.values()))
        )

    def open(self) -> None:
        """Starts on the running loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Ends every stream."""
        self.closed = True
        for subscription in self._watching_all.union(*(ring.subscribers for ring in self._rings.values())):
            subscription.wake.set()

    def announce(self, changes: list[Change]) -> None:
        """Takes changes that were kept, from any thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, changes)

    def subscribe(
        self, store: Store, after: Mapping[str, int], columns: Columns, *, all_runs: bool
    ) -> Subscription:
        """A new watcher of the runs in ``after``, each from that sequence number on; call its `close`."""
        subscription = Subscription(
            self, store, dict(after), columns, all_runs=all_runs, version=self._version
        )
        for run in after:
            self._rings.setdefault(run, _Ring()).subscribers.add(subscription)
        if all_runs:
            self._watching_all.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Forgets a watcher, and the rings that nobody watches any more."""
        self._watching_all.discard(subscription)
        for run in subscription.after:
            ring = self._rings.get(run)
            if ring:
                ring.subscribers.discard(subscription)
                if not ring.subscribers:
                    del self._rings[run]

    def ring(self, run: str) -> _Ring:
        """The ring of a run that somebody watches."""
        return self._rings[run]

    def states_since(self, version: int) -> tuple[int, dict[str, bytes]]:
        """The states that were told after ``version``, oldest first; with the version now."""
        found = {}
        for run, (its_version, text) in reversed(self._states.items()):
            if its_version <= version:
                break
            found[run] = text
        return self._version, dict(reversed(found.items()))

    def _take(self, changes: list[Change]) -> None:
        last: dict[str, Change] = {}
        for change in changes:
            last[change.run.id] = change
            ring = self._rings.get(change.run.id)
            if ring:
                for frame in change.frames:
                    ring.add(frame)
                for subscription in ring.subscribers:
                    subscription.wake.set()
        for run, change in last.items():
            if change.deleted:
                self._tell(run, {"id": run, "status": DELETED})
            else:
                self._state(change.run)

    def _state(self, run: Run) -> None:
        """Tells a run's state now, or with the next tick if only its progress has changed."""
        assert self._loop
        now = self._loop.time()
        facts = (run.status, run.outcome, run.name, run.tags, run.control, run.reason)
        then, before = self._told.get(run.id, (0.0, ()))
        if facts == before and now - then < STATE_SECONDS:
            if run.id not in self._late:
                self._loop.call_at(then + STATE_SECONDS, self._tell_late, run.id)
            self._late[run.id] = run
            return
        self._late.pop(run.id, None)
        self._told[run.id] = (now, facts)
        self._tell(run.id, run.summary())
        if run.status not in (Status.STARTING, Status.RUNNING, Status.PAUSED):
            self._told.pop(run.id)

    def _tell_late(self, run: str) -> None:
        waiting = self._late.pop(run, None)
        if waiting and not self.closed:
            self._told.pop(run, None)
            self._state(waiting)

    def _tell(self, run: str, state: Mapping[str, Any]) -> None:
        self._version += 1
        self._states[run] = (self._version, state_text(state))
        self._states.move_to_end(run)
        if len(self._states) > STATES:
            self._states.popitem(last=False)
        ring = self._rings.get(run)
        for subscription in self._watching_all.union(ring.subscribers if ring else ()):
            subscription.wake.set()


class Subscription:
    """One stream: its cursors, its columns, and the events that it gives."""

    def __init__(
        self, hub: Hub, store: Store, after: dict[str, int], columns: Columns, *, all_runs: bool, version: int
    ):
        self.wake = asyncio.Event()
        self.after = after
        self._hub = hub
        self._store = store
        self._columns = columns
        self._all = all_runs
        self._version = version
        self._behind = set(after)  # runs of which the store may have more than the ring

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
            for text in self._from_rings():
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
        """The next frames of a run that the ring does not hold; stops being behind when there are none."""
        ring = self._hub.ring(run)
        if ring.at(self.after[run]):
            self._behind.discard(run)
            return b""
        try:
            texts = await run_in_threadpool(self._read, run, self.after[run])
        except NoSuchRun:
            self._behind.discard(run)
            return b""
        if not texts:
            # Nothing came between the reading and now, or it is in the ring.
            if ring.first is None or self.after[run] >= ring.first:
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

    def _from_rings(self) -> Sequence[bytes]:
        chunks: list[bytes] = []
        for run in self.after:
            if run in self._behind:
                continue
            ring, parts, size = self._hub.ring(run), list[bytes](), 0
            while size < CHUNK_BYTES and (kept := ring.at(self.after[run])):
                self.after[run] += 1
                text = kept.text(self._columns)
                parts += [self._cursor(), text]
                size += len(text)
            if parts:
                chunks.append(b"".join(parts))
            if ring.first is not None and self.after[run] < ring.first:
                self._behind.add(run)  # too slow: back to the store
        return chunks

    def _states(self) -> bytes:
        """What was told of the runs that are watched, except where frames are still to come."""
        if self._behind:
            return b""
        self._version, states = self._hub.states_since(self._version)
        return b"".join(text for run, text in states.items() if self._all or run in self.after)
