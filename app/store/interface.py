"""What a store does, whatever it keeps runs in: the calls, what they take and give, what they raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from app.store.runs import NewRun, Query, Run, Status
from app.store.tokens import PersonalToken
from optim_core.recording import Series
from optim_core.transport.frames import Frame

FAR = 2**62

Wanted = Callable[[str], bool]
Edit = Callable[[Run], Mapping[str, Any] | None]  # from a run to fields that change; None changes nothing


class StoreError(Exception):
    """The database cannot be used: says why and what to do."""

    def __init__(self, message: str, hint: str = "", *, full: bool = False):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.full = full

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NoSuchRun(LookupError):
    """There is no run with this id."""

    def __init__(self, run: str):
        super().__init__(f"there is no run {run[:80]!r}.")
        self._run = run

    def __reduce__(self) -> tuple[type[NoSuchRun], tuple[str]]:
        return type(self), (self._run,)  # it crosses from process to process


class RunExists(Exception):
    """The id of a new run is taken."""

    def __init__(self, run: str):
        super().__init__(f"there is a run {run[:80]!r} already.")


class RunEnded(Exception):
    """A run that has ended takes no more frames."""

    def __init__(self, run: Run):
        super().__init__(f"run {run.id!r} has ended ({run.status.value}) and takes no more frames.")


@dataclass(frozen=True)
class Window:
    """Which part of a run's columns, and at how many points at most (0: all)."""

    after: int = 0
    first_step: int = -FAR
    last_step: int = FAR
    points: int = 0


@dataclass(frozen=True)
class Appended:
    """What became of some frames: those that were new, and the run after them."""

    run: Run
    new: Sequence[Frame]
    gap: bool = False  # a frame came whose predecessor has not come


@dataclass
class Change:
    """What listeners are told of a run: how it stands, the frames that are new, whether it is gone."""

    run: Run
    frames: tuple[Frame, ...] = ()
    deleted: bool = False


Listener = Callable[[list[Change]], None]


class Reader(Protocol):
    """What is kept of runs, read.

    Methods block for a moment and see one moment. All may be called from any thread; all raise StoreError
    where the database fails, and NoSuchRun for a run that is not there.
    """

    def close(self) -> None:
        """Lets go of the database."""

    def find(self, run: str) -> Run:
        """The run with this id."""

    def select(self, query: Query) -> tuple[list[Run], int]:
        """One page of runs, and how many there are in all."""

    def count(self) -> dict[Status, int]:
        """How many runs have each status; those that none has may be left out."""

    def description(self, run: Run) -> dict[str, Any]:
        """The ``tensors`` and ``facts`` that `describe` kept; empty ones if it was not called."""

    def frames(self, run: str, after: int, wanted: Wanted, most_bytes: int) -> list[Frame]:
        """The next frames from sequence number ``after`` on, with the wanted columns: a few at a time."""

    def columns(self, run: Run) -> dict[str, int]:
        """The run's columns, with the numbers in a row of each."""

    def series(
        self, run: str, wanted: Wanted, window: Window
    ) -> tuple[Run, dict[str, Series], list[dict[str, Any]]]:
        """The run, its wanted columns over a window, and its events, all of the same moment."""

    def tokens(self) -> list[PersonalToken]:
        """All that are kept."""

    def sizes(self) -> list[tuple[int, str, int]]:
        """Key, owner and bytes of every run."""

    def bytes_used(self) -> int:
        """What the runs take in the database; what deleted ones have left free is not counted."""

    def bytes_on_disk(self) -> int:
        """What the database takes, journals included."""


class Store(Reader, Protocol):
    """Runs and their frames.

    Methods that write return a Future: its result is there once the change is kept, and then whoever
    listens has been or will be told, of all changes in their order. Each piece of work is kept or undone
    alone.
    """

    def close(self) -> None:
        """Finishes writing and lets go of the database."""

    # --- Runs --------------------------------------------------------------------------------------

    def create(self, new: NewRun) -> Future[Run]:
        """Adds a run; RunExists if its id is taken."""

    def change(self, run: str, change: Edit, *, frees: bool = False) -> Future[Run]:
        """Changes fields of a run; ``change`` gets the run as it stands and may refuse by raising.

        Where ``frees``, it is done on a full disk too, as deletions are.
        """

    def finish(self, run: str, change: Edit) -> Future[Run]:
        """The same for the change that ends a run; its frames are gathered for good."""

    def delete(self, run: str) -> Future[None]:
        """Removes a run; its frames follow, a few at a time."""

    def retire(self, run: str) -> Future[bool]:
        """Removes a run if it is there and neither waits nor runs; whether it did."""

    def describe(
        self, run: str, tensors: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
    ) -> Future[None]:
        """Keeps the table of the run's tensors, and what else its producer tells of it."""

    def interrupt_all(self, reason: str) -> Future[int]:
        """Nothing runs when a server starts: marks what was running as interrupted; how many those were.

        A run that has given its device back is none of them.
        """

    # --- Frames ------------------------------------------------------------------------------------

    def append(
        self, run: str, frames: Sequence[Frame], check: Callable[[Run], None] = ...
    ) -> Future[Appended]:
        """Keeps the frames that are new, up to the first gap; an empty list says that the producer lives.

        Hearing of an interrupted run makes it go on. ``check`` may refuse by raising; RunEnded for new
        frames of a run that has ended, InvalidInput for columns that do not fit the earlier ones.
        """

    # --- Tokens ------------------------------------------------------------------------------------

    def add_token(self, token: PersonalToken) -> Future[None]:
        """Keeps a token of a visitor's own."""

    def remove_token(self, token: str) -> Future[None]:
        """Forgets the one with this id."""

    # --- What it takes -----------------------------------------------------------------------------

    def try_writing(self) -> Future[None]:
        """Writes what is there already; the result says whether the disk takes it."""

    @property
    def full(self) -> bool:
        """Whether the disk took nothing when something was to be written last."""

    @property
    def purging(self) -> bool:
        """Whether deleted runs are still being removed."""
