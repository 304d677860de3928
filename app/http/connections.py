"""Connections with deadlines and a number: who says nothing, or never ends, holds none for ever."""

from __future__ import annotations

import asyncio
import resource
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SILENT_S = 5.0  # without a byte; between requests uvicorn's timeout_keep_alive is the same
HEADERS_S = 10.0  # from the first byte to the end of the headers
BODY_S = 60.0  # for the whole body
UNREAD_S = 30.0  # for which an answer waits until its reader takes more of it

OF_ONE_ADDRESS = 2_000  # a class sits behind one router
MOST_FILES = 65_536
RESERVED_FILES = 160  # for the store, processes that compute and workers


class Connections:
    """All that are open: at most ``most``, and ``of_one`` of one address; then the oldest idle one goes.

    ``trusted`` tells the addresses of proxies: behind one sits everybody, so only ``most`` holds for it.
    """

    def __init__(
        self, most: int, of_one: int | None = None, trusted: Callable[[str], bool] = lambda address: False
    ):
        self._trusted = trusted
        self._most, self._of_one = most, min(of_one or OF_ONE_ADDRESS, most)
        self._open: dict[str, dict[DeadlineProtocol, None]] = defaultdict(
            dict
        )  # by address, the oldest first
        self._count = 0

    def add(self, new: DeadlineProtocol) -> None:
        """Counts ``new``; ends another, or ``new`` itself where all others are in use."""
        own = self._open[new.address]
        own[new] = None
        self._count += 1
        if len(own) > self._of_one and not self._trusted(new.address):
            self._end_one(own)
        elif self._count > self._most:
            self._end_one(max(self._open.values(), key=len))

    def discard(self, lost: DeadlineProtocol) -> None:
        """Forgets one that is closed."""
        own = self._open[lost.address]
        if own.pop(lost, lost) is None:
            self._count -= 1
        if not own:
            del self._open[lost.address]

    def _end_one(self, among: dict[DeadlineProtocol, None]) -> None:
        ended = next((each for each in among if each.is_idle), None) or next(reversed(among))
        self.discard(ended)
        ended.end()


class DeadlineProtocol(H11Protocol):
    """uvicorn's, with deadlines for what a client sends and reads."""

    def __init__(self, *args: Any, known: Connections, **more: Any):
        super().__init__(*args, **more)
        self._known = known
        self._phase = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Who is at the other end."""
        return self.client[0] if self.client else ""

    @property
    def is_idle(self) -> bool:
        """Whether no whole request waits for its answer."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._enter("silent", SILENT_S)
        self._known.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter("", 0.0)
        self._read_again()
        self._known.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            self._enter("body", BODY_S)
        elif theirs is h11.IDLE:
            self._enter("headers", HEADERS_S)
        else:
            self._enter("", 0.0)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_again()
        self._unread = self.loop.call_later(UNREAD_S, self.end)

    def resume_writing(self) -> None:
        self._read_again()
        super().resume_writing()

    def end(self) -> None:
        """Closes at once; whoever works on the answer is told that nobody reads it."""
        self.transport.abort()

    def _enter(self, phase: str, seconds: float) -> None:
        """Begins a phase; more of the same phase does not prolong it."""
        if phase == self._phase:
            return
        if self._deadline:
            self._deadline.cancel()
        self._phase = phase
        self._deadline = self.loop.call_later(seconds, self.end) if phase else None

    def _read_again(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None


def raise_file_limit() -> int:
    """Lets this process open as many files as it may; how many connections that leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(soft - RESERVED_FILES, 32)
