"""Who is next: round robin over owners, each owner's runs in their order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class FairQueue:
    """Names of runs that wait."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, list[str]] = OrderedDict()

    def __contains__(self, run: str) -> bool:
        return any(run in runs for runs in self._owners.values())

    def count(self, owner: str) -> int:
        """How many of an owner's wait."""
        return len(self._owners.get(owner, ()))

    def add(self, owner: str, run: str) -> None:
        """At the end of its owner's runs."""
        self._owners.setdefault(owner, []).append(run)

    def remove(self, run: str) -> None:
        """If it is there."""
        for owner, runs in list(self._owners.items()):
            if run in runs:
                runs.remove(run)
                if not runs:
                    del self._owners[owner]

    def take(self, fits: Callable[[str], bool]) -> str | None:
        """The next run that fits; its owner goes to the end of the round."""
        for owner, runs in self._owners.items():
            for run in runs:
                if fits(run):
                    runs.remove(run)
                    self._owners.move_to_end(owner)
                    if not runs:
                        del self._owners[owner]
                    return run
        return None

    def order(self) -> list[str]:
        """All runs in the order in which they will start, as far as one can tell."""
        rounds = [list(runs) for runs in self._owners.values()]
        found = []
        while rounds:
            found += [runs.pop(0) for runs in rounds]
            rounds = [runs for runs in rounds if runs]
        return found
