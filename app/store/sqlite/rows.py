"""Runs as rows of a table."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import fields
from typing import Any

import orjson

from app.store.interface import NoSuchRun, RunExists
from app.store.runs import ACTIVE, AS_JSON, SORTS, NewRun, Query, Run, Status, plain, to_text


def run_of(row: sqlite3.Row) -> Run:
    """The row as a Run."""
    values = dict(row)
    for name in AS_JSON:
        values[name] = orjson.loads(values[name])
    return Run(**values | {"status": Status(values["status"]), "local": bool(values["local"])})


def find(db: sqlite3.Connection, run: str) -> Run | None:
    """The run with this id."""
    row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    return run_of(row) if row else None


def existing(db: sqlite3.Connection, run: str) -> Run:
    """The same; raises NoSuchRun."""
    found = find(db, run)
    if found is None:
        raise NoSuchRun(run)
    return found


def insert(db: sqlite3.Connection, new: NewRun) -> Run:
    """Adds a run; raises RunExists if the id is taken."""
    now = time.time()
    values: dict[str, Any] = {each.name: getattr(new, each.name) for each in fields(NewRun)}
    values |= {"local": int(new.local), "created": now}
    if new.status in ACTIVE:
        values |= dict.fromkeys(("started", "heard", "progressed"), now)
    marks = ", ".join(f":{name}" for name in values)
    try:
        db.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", _texts(values))  # noqa: S608
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise RunExists(new.id) from None
    found = find(db, new.id)
    assert found
    return found


def update(db: sqlite3.Connection, run: Run, **changes: Any) -> Run:
    """Changes columns of a run, by name."""
    sets = ", ".join(f"{name} = :{name}" for name in changes)
    values = _texts(changes) | {"the_key": run.key}
    db.execute(f"UPDATE runs SET {sets} WHERE key = :the_key", values)  # noqa: S608
    row = db.execute("SELECT * FROM runs WHERE key = ?", (run.key,)).fetchone()
    return run_of(row)


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """The values as SQLite keeps them; raises InvalidInput for those that cannot be kept."""
    return {
        name: to_text(value) if name in AS_JSON else plain(value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def select(db: sqlite3.Connection, query: Query) -> tuple[list[Run], int]:
    """The page of runs, and how many there are in all."""
    conditions, values = ["1"], list[Any]()
    for name, among in (("status", query.status), ("outcome", query.outcome), ("id", query.ids)):
        if among:
            conditions.append(f"{name} IN ({', '.join('?' * len(among))})")
            values += among
    for name in ("kind", "task", "optimizer", "owner", "place", "local"):
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
