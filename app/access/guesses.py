"""Wrong tokens, counted: whoever guesses has to wait long before one guess in a million is made."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0
OF_ONE_ADDRESS, OF_ALL = 20, 200  # wrong tokens within the window
REMEMBERED = 10_000  # addresses


class Guesses:
    """Lives on the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._all: deque[float] = deque(maxlen=OF_ALL)  # when, the oldest first
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def wrong(self, address: str) -> None:
        """Counts one."""
        now, own = self._clock(), self._by_address.pop(address, None)
        own = deque(maxlen=OF_ONE_ADDRESS) if own is None else own
        own.append(now)
        self._all.append(now)
        self._by_address[address] = own
        if len(self._by_address) > REMEMBERED:
            self._by_address.popitem(last=False)

    def wait(self, address: str) -> float:
        """Seconds until this address may show a token again; 0 if it may now."""
        times = (self._by_address.get(address, deque(maxlen=OF_ONE_ADDRESS)), self._all)
        full = [each[0] + WINDOW_SECONDS - self._clock() for each in times if len(each) == each.maxlen]
        return max(0.0, *full) if full else 0.0
