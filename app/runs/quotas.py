"""What each visitor's runs take, and when that is more than one of many may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from app.access.visitors import Visitor
from app.http.refusals import Refusal
from app.settings import Settings
from app.store import Change, Run


class Quotas:
    """Kept up with every change of a run; on one's own machine one visitor has all there is.

    ``crowded`` is called where runs that have ended should go to make room.
    """

    def __init__(self, settings: Settings, crowded: Callable[[], None] = lambda: None):
        limits = settings.limits
        self._shared = bool(settings.token)
        self._most_runs, self._most_bytes, self._most = (
            limits.owner_runs,
            limits.owner_bytes,
            limits.store_bytes,
        )
        self._known: dict[int, tuple[str, int]] = {}  # owner and bytes, by a run's key
        self._bytes: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()
        self._crowded = crowded

    def load(self, sizes: Iterable[tuple[int, str, int]]) -> None:
        """Takes up what is kept: key, owner and bytes of every run."""
        for key, owner, size in sizes:
            self._note(key, owner, size)

    def notice(self, changes: list[Change]) -> None:
        """Hears of changes in the store, in their order."""
        for change in changes:
            run = change.run
            if change.deleted:
                self._forget(run.key)
            else:
                self._note(run.key, run.owner, run.bytes)

    def check_new(self, visitor: Visitor, more: int = 1) -> None:
        """Raises Refusal where the visitor may have no more runs, or none that holds anything."""
        if not self._shared or visitor.instructor:
            return
        if self._runs[visitor.id] + more > self._most_runs:
            self._crowded()
            raise _refusal(
                f"You have {self._runs[visitor.id]} runs, allowed are at most {self._most_runs}.", "RUNS"
            )
        self._check_bytes(visitor.id)

    def check_growth(self, run: Run) -> None:
        """Raises Refusal where a run may not grow: its owner has what one may, or all have all there is."""
        if self._shared:
            self._check_bytes(run.owner)
        total, owners = self._bytes.total(), max(len(self._bytes), 1)
        if total > self._most and self._bytes[run.owner] >= self._most / owners:
            self._crowded()
            raise Refusal(
                507,
                "store_full",
                f"All runs together have {total} bytes, allowed are at most {self._most}.",
                "Delete some, or start the server with OPTIMSCOPE_MAX_STORE_BYTES set higher.",
            )

    def _check_bytes(self, owner: str) -> None:
        if self._bytes[owner] > self._most_bytes:
            self._crowded()
            raise _refusal(
                f"The runs of {owner} have {self._bytes[owner]} bytes,"
                f" allowed are at most {self._most_bytes}.",
                "BYTES",
            )

    def _note(self, key: int, owner: str, size: int) -> None:
        self._forget(key)
        self._known[key] = owner, size
        self._bytes[owner] += size
        self._runs[owner] += 1

    def _forget(self, key: int) -> None:
        owner, size = self._known.pop(key, ("", 0))
        for counter, count in ((self._bytes, size), (self._runs, 1)):
            counter[owner] -= count
            if counter[owner] <= 0:
                del counter[owner]


def _refusal(message: str, which: str) -> Refusal:
    hint = f"Delete some, or start the server with OPTIMSCOPE_MAX_OWNER_{which} set higher."
    return Refusal(507, "quota", message, hint)
