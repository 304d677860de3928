"""Who is in the room, and what the instructor shows to everybody in it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

PRESENT_SECONDS = 20.0  # after the last sign of life
MOST = 2_000  # visitors that are remembered


@dataclass(frozen=True)
class Participant:
    """A browser that was here lately."""

    id: str
    address: str
    page: str
    instructor: bool
    since: float
    seen: float
    name: str = ""  # that they chose


@dataclass(frozen=True)
class Shown:
    """A view that everybody is offered; that everybody's page goes to, if they ``follow``."""

    id: int
    path: str
    title: str
    at: float
    follow: bool = False


class Presence:
    """Lives on the event loop; nothing of it outlives the server."""

    def __init__(self, clock: Callable[[], float] = time.time):
        self._clock = clock
        self._guests: OrderedDict[str, Participant] = OrderedDict()
        self._count = 0
        self.shown: Shown | None = None

    def saw(self, visitor: str, address: str, page: str, *, instructor: bool, name: str = "") -> None:
        """A sign of life of somebody who looks at ``page``."""
        now, before = self._clock(), self._guests.pop(visitor, None)
        fresh = before is None or now - before.seen > PRESENT_SECONDS
        since = now if before is None or fresh else before.since
        self._guests[visitor] = Participant(visitor, address, page, instructor, since, now, name)
        if len(self._guests) > MOST:
            self._guests.popitem(last=False)

    @property
    def guests(self) -> list[Participant]:
        """Who is here, the longest first."""
        now = self._clock()
        here = [guest for guest in self._guests.values() if now - guest.seen <= PRESENT_SECONDS]
        return sorted(here, key=lambda guest: guest.since)

    def show(self, path: str, title: str, *, follow: bool = False) -> Shown:
        """Offers everybody a view, or takes everybody there."""
        self._count += 1
        self.shown = Shown(self._count, path, title, self._clock(), follow)
        return self.shown

    def hide(self) -> None:
        """Offers nothing any more."""
        self.shown = None
