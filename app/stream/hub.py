"""From changes that were kept to everybody who watches; nobody waits for the slow.

A subscriber has no queue (see `app.stream.subscription`), so memory does not depend on how slowly one reads.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from app.http.columns import Columns
from app.store import Change, Run, Status
from app.stream.buffer import FrameBuffer, state_text
from app.stream.subscription import Reader, Subscription

STATES = 1_000  # runs whose last state is kept
STATE_SECONDS = 0.2  # between two states of a run that differ in progress alone
ALL = "*"
DELETED = "deleted"  # in place of a status


class Hub:
    """Lives on the event loop; only `announce` may be called from other threads."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: set[Subscription] = set()
        self._buffers: dict[str, FrameBuffer] = {}
        self._watching: dict[str, set[Subscription]] = {}  # by run; ALL: the states of every run
        self._states: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._version = 0
        self._told: dict[str, tuple[float, tuple[object, ...]]] = {}
        self._late: dict[str, Run] = {}
        self.closed = False

    @property
    def subscribers(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def subscribers_of(self, who: str) -> int:
        """How many of them are one visitor's."""
        return sum(subscription.who == who for subscription in self._open)

    def subscribers_at(self, place: str) -> int:
        """How many of them come from one address."""
        return sum(subscription.place == place for subscription in self._open)

    def open(self) -> None:
        """Starts on the running loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Ends every stream."""
        self.closed = True
        for subscription in self._open:
            subscription.wake.set()

    def announce(self, changes: list[Change]) -> None:
        """Takes changes that were kept, from any thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, changes)

    def subscribe(
        self,
        store: Reader,
        after: Mapping[str, int],
        columns: Columns,
        *,
        all_runs: bool,
        who: str = "",
        place: str = "",
    ) -> Subscription:
        """A new watcher of the runs in ``after``, each from that sequence number on; call its `close`."""
        subscription = Subscription(
            self,
            store,
            dict(after),
            columns,
            all_runs=all_runs,
            version=self._version,
            who=who,
            place=place,
        )
        self._open.add(subscription)
        for run in after:
            self._buffers.setdefault(run, FrameBuffer())
        for run in (*after, *([ALL] if all_runs else [])):
            self._watching.setdefault(run, set()).add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Forgets a watcher, and the buffers that nobody watches any more."""
        self._open.discard(subscription)
        for run in (*subscription.after, ALL):
            watching = self._watching.get(run, set())
            watching.discard(subscription)
            if not watching:
                self._watching.pop(run, None)
                self._buffers.pop(run, None)

    def watches(self, run: str) -> bool:
        """Whether somebody watches the run's frames; any thread may ask."""
        return run in self._buffers

    def buffer(self, run: str) -> FrameBuffer:
        """The buffer of a run that somebody watches."""
        return self._buffers[run]

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
            buffer = self._buffers.get(change.run.id)
            if buffer:
                for frame in change.frames:
                    buffer.add(frame)
                self._wake(change.run.id)
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
        self._wake(run)
        self._wake(ALL)

    def _wake(self, run: str) -> None:
        for subscription in self._watching.get(run, ()):
            subscription.wake.set()
