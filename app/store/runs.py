"""What a run is: its fields, the states that follow each other, and how one asks for runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

from optim_core.declare.errors import InvalidInput

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
ID_LENGTH = 9
SORTS = ("created", "name", "status", "task", "optimizer", "step", "started", "finished")


class Status(StrEnum):
    """What a run is doing."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = (Status.STARTING, Status.RUNNING, Status.PAUSED)
ENDED = (Status.FINISHED, Status.CANCELLED, Status.FAILED)
RETIRED = (*ENDED, Status.INTERRUPTED)  # neither wait nor run, though an interrupted one may go on


def status_of(outcome: str) -> Status:
    """What a run is whose producer told this outcome."""
    known = {"cancelled": Status.CANCELLED, "failed": Status.FAILED, "interrupted": Status.INTERRUPTED}
    return known.get(outcome, Status.FINISHED)


# Marks of fields: kept as text of JSON; of no interest to lists of runs.
_JSON = {"json": True}
_INTERNAL = {"internal": True}


@dataclass(frozen=True)
class NewRun:
    """A run to be: ``local`` if this server's own queue runs it."""

    id: str
    kind: str
    name: str
    task: str = ""
    optimizer: str = ""
    tags: Sequence[str] = field(default=(), metadata=_JSON)
    config: dict[str, Any] = field(default_factory=dict, metadata=_JSON)
    steps: int | None = None
    owner: str = ""
    place: str = field(default="", metadata=_INTERNAL)  # from which it was started
    local: bool = field(default=False, metadata=_INTERNAL)
    status: Status = Status.QUEUED


@dataclass(frozen=True, kw_only=True)
class Run(NewRun):
    """A run as it stands: what it was to be, and what became of it. The one list of a run's fields."""

    key: int = field(metadata=_INTERNAL)  # never used twice
    outcome: str | None
    reason: str
    step: int
    first_step: int | None  # of all that it told of
    created: float
    started: float | None
    finished: float | None
    heard: float | None = field(metadata=_INTERNAL)  # when its producer last gave a sign of life
    progressed: float | None = field(metadata=_INTERNAL)  # when its step last went up
    speed: float | None
    latest: dict[str, float | None] = field(metadata=_JSON)
    sparkline: dict[str, Any] = field(metadata=_JSON | _INTERNAL)
    control: dict[str, Any] = field(metadata=_JSON | _INTERNAL)
    next_seq: int
    waiting_frames: int = field(metadata=_INTERNAL)
    waiting_bytes: int = field(metadata=_INTERNAL)
    bytes: int = field(metadata=_INTERNAL)

    @property
    def away(self) -> bool:
        """Whether it has given its device back, and waits or rests without a process."""
        return bool(self.control.get("away"))

    @property
    def progress(self) -> float | None:
        """The share of the steps from the first one that is done; None where their number is not known."""
        if not self.steps:
            return None
        before = max((self.first_step or 0) - 1, 0)
        return min((self.step - before) / (self.steps - before), 1.0) if before < self.steps else 1.0

    @property
    def seconds_left(self) -> float | None:
        """From the recent speed; None while that is not known."""
        if self.status != Status.RUNNING or not self.steps or not self.speed:
            return None
        return max(self.steps - self.step, 0) / self.speed

    def summary(self) -> dict[str, Any]:
        """The run as lists and state events tell it."""
        return {name: getattr(self, name) for name in LISTED} | {
            "progress": self.progress,
            "eta": self.seconds_left,
            "sparkline": self.sparkline.get("values", []),
            "paused": bool(self.control.get("paused")),
            "away": self.away,
            "cancelling": bool(self.control.get("cancel")) and self.status in ACTIVE,
            "changed": self.control.get("hyper", {}),
        }


LISTED = tuple(each.name for each in fields(Run) if "internal" not in each.metadata)
AS_JSON = frozenset(each.name for each in fields(Run) if "json" in each.metadata)


@dataclass(frozen=True)
class Query:
    """Which runs, in which order, and which part of them."""

    status: Sequence[str] = ()
    outcome: Sequence[str] = ()
    kind: str = ""
    task: str = ""
    optimizer: str = ""
    tag: str = ""
    text: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)  # of tasks and optimizers: `text` finds them too
    owner: str = ""
    place: str = ""
    local: bool | None = None
    ids: Sequence[str] = ()
    sort: str = "-created"
    offset: int = 0
    limit: int = 50


def new_id() -> str:
    """An id that nobody has: short, since cursors hold it."""
    return "".join(secrets.choice(_LETTERS) for _ in range(ID_LENGTH))


def plain(text: str) -> str:
    """``text``; raises InvalidInput if half of a character is in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("expected whole characters.", code="not_text") from None
    return text


def to_text(value: object) -> str:
    """As JSON text, null for numbers that are not finite; raises InvalidInput for what cannot be kept."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise InvalidInput(f"it cannot be kept as JSON ({error}).", code="not_json") from None
