"""What was measured of runs, with what follows from it: the store's columns and the derived ones alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from app.store import Change, NoSuchRun, Query, Reader, Run, Window
from optim_core.recording import Recording, Series, thinned
from optim_core.theory import SETTINGS, Theory, expected
from optim_core.transport.frames import Frame

Wanted: TypeAlias = Callable[[str], bool]
Events: TypeAlias = Sequence[Mapping[str, Any]]


class Traces:
    """Reads ``store``; what its own columns tell is not stored twice but computed anew."""

    def __init__(self, store: Reader):
        self._store = store
        self._watched: dict[str, list[Mapping[str, Any]]] = {}  # events of runs that somebody watches live

    def select(self, query: Query) -> tuple[list[Run], int]:
        """As the store does."""
        return self._store.select(query)

    def columns(self, run: Run) -> dict[str, int]:
        """The run's columns, with the numbers in a row of each."""
        measured = self._store.columns(run)
        return measured | dict.fromkeys(_derivable(run, measured), 1)

    def series(
        self, run: str, wanted: Wanted, window: Window
    ) -> tuple[Run, dict[str, Series], list[dict[str, Any]]]:
        """The run, its wanted columns over a window, and its events there, all of the same moment."""
        found = self._store.find(run)
        names = [name for name in _derivable(found, self._store.columns(found)) if wanted(name)]
        if not names:
            return self._store.series(run, wanted, window)
        found, series, events = self._store.series(run, lambda name: wanted(name) or name in SETTINGS, window)
        changes = self._events(run) if window.after else events
        made = expected(_about(found), series, changes, names.__contains__)
        kept = {name: one for name, one in series.items() if wanted(name)}
        more = {name: thinned(_narrow(one), window.points) for name, one in made.items()}
        return found, kept | more, events

    def frames(self, run: str, after: int, wanted: Wanted, most_bytes: int) -> list[Frame]:
        """The next frames from sequence number ``after`` on, with the wanted columns: a few at a time."""
        found = self._store.find(run)
        names = [name for name in _derivable(found, SETTINGS) if wanted(name)]
        if not names:
            return self._store.frames(run, after, wanted, most_bytes)
        frames = self._store.frames(run, after, lambda name: wanted(name) or name in SETTINGS, most_bytes)
        events = self._events(run)
        extended = [_extended(frame, found, events, names) for frame in frames]
        unwanted = {name for name in SETTINGS if not wanted(name)}
        return [
            replace(frame, columns={n: v for n, v in frame.columns.items() if n not in unwanted})
            for frame in extended
        ]

    def live(self, changes: list[Change], watches: Wanted) -> list[Change]:
        """New frames of the runs that somebody watches, with their derived columns; called in their order."""
        for run in [run for run in self._watched if not watches(run)]:
            del self._watched[run]
        return [
            self._extend(change) if change.frames and watches(change.run.id) else change for change in changes
        ]

    def recording(self, run: Run, wanted: Wanted, points: int) -> Recording:
        """The run as a recording: its wanted columns, each of at most so many points."""
        found, series, events = self.series(run.id, wanted, Window(points=points))
        told = _about(found) | self._store.description(found)
        return Recording(told, series, events, found.outcome or "", found.reason)

    def _extend(self, change: Change) -> Change:
        run = change.run
        names = _derivable(run, SETTINGS)
        if not names:
            return change
        if run.id in self._watched:
            self._watched[run.id] += [event for frame in change.frames for event in frame.events]
        else:
            try:
                self._watched[run.id] = list(self._events(run.id))  # those of these frames among them
            except NoSuchRun:  # deleted meanwhile
                return change
        events = self._watched[run.id]
        return replace(change, frames=tuple(_extended(frame, run, events, names) for frame in change.frames))

    def _events(self, run: str) -> Events:
        """All events of the run."""
        return self._store.series(run, lambda name: False, Window())[2]


def _about(run: Run) -> dict[str, Any]:
    """What a recording tells of the run."""
    names = ("kind", "name", "task", "optimizer", "config", "steps")
    return {name: getattr(run, name) for name in names}


def _derivable(run: Run, measured: Sequence[str] | Mapping[str, int]) -> list[str]:
    """The derived columns that follow from these; one that was measured stays as it is."""
    if not all(name in measured for name in SETTINGS):
        return []
    theory = Theory.of(_about(run))
    return [name for name in theory.names() if name not in measured] if theory else []


def _extended(frame: Frame, run: Run, events: Events, names: Sequence[str]) -> Frame:
    """The frame with these derived columns too, if it has what they follow from."""
    wanted = [name for name in names if name not in frame.columns]
    measured = {name: Series(frame.steps, frame.columns[name]) for name in SETTINGS if name in frame.columns}
    made = expected(_about(run), measured, events, wanted.__contains__)
    return replace(
        frame, columns={**frame.columns, **{name: _narrow(one).values for name, one in made.items()}}
    )


def _narrow(series: Series) -> Series:
    """In the 4 bytes a number in which measured columns are kept."""
    return replace(series, values=series.values.astype("<f4"))
