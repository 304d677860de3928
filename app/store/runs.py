"""Runs as rows: what the list shows, how states follow each other, how a run is found."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from optim_core.declare.errors import InvalidInput

SPARKLINE_POINTS = 60
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


@dataclass(frozen=True)
class NewRun:
    """A run to be: ``local`` if this server's own queue runs it."""

    id: str
    kind: str
    name: str
    task: str = ""
    optimizer: str = ""
    tags: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    owner: str = ""
    local: bool = False
    status: Status = Status.QUEUED


@dataclass(frozen=True)
class Run:
    """A run as it stands."""

    key: int
    id: str
    kind: str
    name: str
    task: str
    optimizer: str
    tags: list[str]
    config: dict[str, Any]
    owner: str
    local: bool
    status: Status
    outcome: str | None
    reason: str
    step: int
    steps: int | None
    created: float
    started: float | None
    finished: float | None
    heard: float | None  # when its producer last gave a sign of life
    progressed: float | None  # when its step last went up
    speed: float | None
    latest: dict[str, float | None]
    sparkline: dict[str, Any]
    control: dict[str, Any]
    next_seq: int
    waiting_frames: int
    waiting_bytes: int
    bytes: int

    @property
    def seconds_left(self) -> float | None:
        """From the recent speed; None while that is not known."""
        if self.status != Status.RUNNING or not self.steps or not self.speed:
            return None
        return max(self.steps - self.step, 0) / self.speed

    def summary(self) -> dict[str, Any]:
        """The run as lists and state events tell it."""
        names = (
            "id kind name task optimizer tags owner config status outcome reason step steps created started"
        )
        found = {name: getattr(self, name) for name in (names + " finished speed latest next_seq").split()}
        return found | {
            "progress": min(self.step / self.steps, 1.0) if self.steps else None,
            "eta": self.seconds_left,
            "sparkline": self.sparkline.get("values", []),
            "paused": bool(self.control.get("paused")),
            "cancelling": bool(self.control.get("cancel")) and self.status in ACTIVE,
            "changed": self.control.get("hyper", {}),
        }


_JSON = ("tags", "config", "latest", "sparkline", "control")


def run_of(row: sqlite3.Row) -> Run:
    """The row as a Run."""
    values = dict(row)
    for name in _JSON:
        values[name] = orjson.loads(values[name])
    return Run(**values | {"status": Status(values["status"]), "local": bool(values["local"])})


def find(db: sqlite3.Connection, run: str) -> Run | None:
    """The run with this id."""
    row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    return run_of(row) if row else None


def insert(db: sqlite3.Connection, new: NewRun) -> Run:
    """Adds a run; sqlite3.IntegrityError if the id is taken."""
    active = new.status in ACTIVE
    now = time.time()
    values = {
        "id": new.id,
        "kind": plain(new.kind),
        "name": plain(new.name),
        "task": plain(new.task),
        "optimizer": plain(new.optimizer),
        "tags": to_text(new.tags),
        "config": to_text(new.config),
        "owner": new.owner,
        "local": int(new.local),
        "status": new.status.value,
        "steps": new.steps,
        "created": now,
        "started": now if active else None,
        "heard": now if active else None,
        "progressed": now if active else None,
    }
    marks = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", values)  # noqa: S608
    found = find(db, new.id)
    assert found
    return found


def plain(text: str) -> str:
    """``text``; raises InvalidInput if half of a character is in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("expected whole characters.", code="not_text") from None
    return text


def update(db: sqlite3.Connection, run: Run, **changes: Any) -> Run:
    """Changes columns of a run, by name."""
    values = {name: to_text(value) if name in _JSON else value for name, value in changes.items()}
    for value in changes.values():
        if isinstance(value, str):
            plain(value)
    sets = ", ".join(f"{name} = :{name}" for name in values)
    db.execute(f"UPDATE runs SET {sets} WHERE key = :the_key", values | {"the_key": run.key})  # noqa: S608
    row = db.execute("SELECT * FROM runs WHERE key = ?", (run.key,)).fetchone()
    return run_of(row)


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
    local: bool | None = None
    ids: Sequence[str] = ()
    sort: str = "-created"
    offset: int = 0
    limit: int = 50


def select(db: sqlite3.Connection, query: Query) -> tuple[list[Run], int]:
    """The page of runs, and how many there are in all."""
    conditions, values = ["1"], list[Any]()
    for name, among in (("status", query.status), ("outcome", query.outcome), ("id", query.ids)):
        if among:
            conditions.append(f"{name} IN ({', '.join('?' * len(among))})")
            values += among
    for name in ("kind", "task", "optimizer", "owner", "local"):
        if getattr(query, name) not in ("", None):
            conditions.append(f"{name} = ?")
            values.append(getattr(query, name))
    if query.tag:
        conditions.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        values.append(query.tag)
    for word in query.text.split():
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        fields = ("name", "id", "task", "optimizer", "tags", "reason")
        titled = [id for id, title in query.titles.items() if word.casefold() in title.casefold()]
        marks = ", ".join("?" * len(titled))
        found = [f"{name} LIKE ? ESCAPE char(92)" for name in fields]
        found += [f"{name} IN ({marks})" for name in ("task", "optimizer")]
        conditions.append(f"({' OR '.join(found)})")
        values += [like] * len(fields) + titled * 2
    where, column = " AND ".join(conditions), query.sort.lstrip("-")
    assert column in SORTS
    order = f"{column} {'DESC' if query.sort.startswith('-') else 'ASC'}, key DESC"
    (total,) = db.execute(f"SELECT count(*) FROM runs WHERE {where}", values).fetchone()  # noqa: S608
    rows = db.execute(
        f"SELECT * FROM runs WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
        (*values, query.limit, query.offset),
    )
    return [run_of(row) for row in rows], total


def to_text(value: object) -> str:
    """As JSON text, null for numbers that are not finite; raises InvalidInput for what cannot be kept."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise InvalidInput(f"it cannot be kept as JSON ({error}).", code="not_json") from None
