"""The database file: opened again whatever happened, refused where it must be, brought up to date."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from fake_producer import frame, same, sparse_frame
from hypothesis import given
from hypothesis import strategies as st
from running import PATIENCE_S

from app.store import NewRun, NoSuchRun, Run, Status, StoreError
from app.store.sqlite import SqliteStore, migrations
from app.store.sqlite.blocks import read_summary, summarise
from app.store.sqlite.database import FILE
from optim_core.transport.frames import Frame

ROOT = Path(__file__).parents[2]
ALL = 10**9


def new(run: str = "a") -> NewRun:
    return NewRun(run, "train", run, steps=1000, status=Status.RUNNING)


def read_all(store: SqliteStore, run: str = "a") -> list[Frame]:
    found: list[Frame] = []
    while part := store.frames(run, len(found), lambda name: True, ALL):
        found += part
    return found


def fill(store: SqliteStore, run: str, count: int = 12, rows: int = 4) -> None:
    """Frames of two layouts."""
    for seq in range(count):
        sparse = seq % 5 == 4
        store.append(run, [sparse_frame(run, seq, seq * rows) if sparse else frame(run, seq, rows=rows)])
    store.append(run, []).result()


def until(holds: Callable[[], bool]) -> None:
    pause, end = threading.Event(), monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < end
        pause.wait(0.01)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path)
    opened.create(new()).result()
    yield opened
    opened.close()


def tables(folder: Path) -> dict[str, int]:
    """The tables that are not empty, with their rows."""
    db = sqlite3.connect(folder / "optimscope.db")
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    db.close()
    return {name: count for name, count in found.items() if count and name != "sqlite_sequence"}


def test_a_deleted_run_leaves_nothing(store: SqliteStore, tmp_path: Path) -> None:
    fill(store, "a", 8, rows=500)
    store.describe("a", [{"name": "w"}], {}).result()
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    store.create(new("b")).result()
    fill(store, "b")
    assert len(tables(tmp_path)) > 5
    for run in ("a", "b"):
        store.delete(run).result()
        with pytest.raises(NoSuchRun):
            store.find(run)
    until(lambda: not tables(tmp_path))


def test_the_disk_that_a_deleted_run_took_is_given_back(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.create(new()).result()
    empty = (tmp_path / "optimscope.db").stat().st_size
    fill(store, "a", 40, rows=5_000)
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    store.close()
    assert (full := (tmp_path / "optimscope.db").stat().st_size) > empty + 1_000_000
    store = SqliteStore(tmp_path)
    store.delete("a").result()
    until(lambda: not store.purging)
    store.close()
    assert (tmp_path / "optimscope.db").stat().st_size < full / 10


def test_what_a_killed_server_left_of_deleted_runs_goes_at_the_next_start(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.create(new()).result()
    fill(store, "a")
    store._writer._db.execute("DELETE FROM runs")
    store.close()
    assert tables(tmp_path)
    store = SqliteStore(tmp_path)
    until(lambda: not tables(tmp_path))
    store.close()


# --- Versions -------------------------------------------------------------------------------------


def versions(path: Path) -> tuple[int, set[str]]:
    """The version of a file, and its tables."""
    with closing(sqlite3.connect(path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        return db.execute("PRAGMA user_version").fetchone()[0], tables


NOTES = "CREATE TABLE notes (run INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this program one that knows further versions."""

    def know(*statements: str) -> None:
        known = dict(migrations.migrations())
        known |= {len(known) + number: sql for number, sql in enumerate(statements, 1)}
        monkeypatch.setattr(migrations, "migrations", lambda: known)

    return know


def test_versions_are_numbered_without_a_gap() -> None:
    assert list(migrations.migrations()) == list(range(1, migrations.newest() + 1))


def test_the_fields_of_a_run_are_the_columns_of_its_table(store: SqliteStore) -> None:
    columns = {row["name"] for row in store._writer._db.execute("PRAGMA table_info(runs)")}
    assert columns == {each.name for each in fields(Run)}


def test_an_old_file_is_brought_up_to_date_and_kept_as_it_was(
    tmp_path: Path, later: Callable[..., None]
) -> None:
    store = SqliteStore(tmp_path)
    store.create(new()).result()
    fill(store, "a")
    store.close()
    first = migrations.newest()
    later(NOTES, "ALTER TABLE notes ADD COLUMN author TEXT;")
    store = SqliteStore(tmp_path)
    assert len(read_all(store)) == 12
    store._writer._db.execute("INSERT INTO notes (run, text, author) VALUES (1, 'a', 'b')")
    store.close()
    assert versions(tmp_path / FILE)[0] == first + 2
    copy = tmp_path / f"{FILE}.version-{first}"
    assert (versions(copy)[0], "notes" in versions(copy)[1]) == (first, False)
    assert {path.name for path in tmp_path.glob(f"{FILE}*")} == {FILE, f"{FILE}.lock", copy.name}
    copy.rename(tmp_path / FILE)
    store = SqliteStore(tmp_path)
    assert len(read_all(store)) == 12
    store.close()


@pytest.mark.parametrize("gathered", [False, True])
def test_the_first_step_of_a_run_from_before_it_was_kept_is_looked_up(tmp_path: Path, gathered: bool) -> None:
    store = SqliteStore(tmp_path)
    store.create(new()).result()
    store.append("a", [replace(frame("a", seq), first_step=500 - 10 * seq) for seq in range(3)]).result()
    if gathered:
        store.finish("a", lambda run: {"status": "finished"}).result()
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.executescript(
            "ALTER TABLE runs DROP COLUMN first_step; ALTER TABLE runs DROP COLUMN place;"
            "DROP TABLE tokens; PRAGMA user_version = 1;"
        )
    store = SqliteStore(tmp_path)
    assert store.find("a").first_step == 480
    store.close()


def test_a_new_file_and_one_that_is_up_to_date_are_not_copied(
    tmp_path: Path, later: Callable[..., None]
) -> None:
    later(NOTES)
    for _ in range(2):
        SqliteStore(tmp_path).close()
        assert [path.name for path in tmp_path.glob(f"{FILE}.version-*")] == []
    assert versions(tmp_path / FILE)[0] == migrations.newest()


def test_a_migration_that_fails_leaves_the_version_before_it(
    tmp_path: Path, later: Callable[..., None]
) -> None:
    SqliteStore(tmp_path).close()
    first = migrations.newest()
    later(NOTES, "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StoreError, match="nowhere"):
        SqliteStore(tmp_path)
    version, tables = versions(tmp_path / FILE)
    assert (version, "notes" in tables, "more" in tables) == (first + 1, True, False)
    assert versions(tmp_path / f"{FILE}.version-{first}")[0] == first


def test_a_trial_of_writing_writes_and_leaves_the_version(tmp_path: Path, store: SqliteStore) -> None:
    """A file must not count as newer than its tables are."""
    journal = tmp_path / f"{FILE}-wal"
    store._writer._db.execute("PRAGMA user_version = 0")
    before = journal.stat().st_size
    store.try_writing().result()
    assert store._writer._db.execute("PRAGMA user_version").fetchone()[0] == 0
    assert journal.stat().st_size > before


# --- The file -------------------------------------------------------------------------------------


def spoil(path: Path) -> None:
    path.write_bytes(b"this is no database, or one that lost its head" * 100)


def make_newer(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {migrations.newest() + 1}")
    db.close()


def make_foreign(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (name)")
    db.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil, "is damaged or no database"),
        (make_newer, "newer Optimscope"),
        (make_foreign, "another program"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_so(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    SqliteStore(tmp_path).close()
    change(tmp_path / "optimscope.db")
    with pytest.raises(StoreError, match=message):
        SqliteStore(tmp_path)
    with pytest.raises(StoreError, match=message):  # it has let go of the folder
        SqliteStore(tmp_path)


def test_a_folder_has_one_user(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    with pytest.raises(StoreError, match="in use by another"):
        SqliteStore(tmp_path)
    store.close()
    SqliteStore(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteStore(tmp_path / "file" / "folder")


def test_a_full_disk_refuses_and_recovers(store: SqliteStore) -> None:
    for seq in range(10):
        store.append("a", [frame("a", seq, rows=200)]).result()
    (pages,) = store._writer._db.execute("PRAGMA page_count").fetchone()
    store._writer._db.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(10_000):
        future = store.append("a", [frame("a", store.find("a").next_seq, rows=200)])
        if future.exception():
            break
    with pytest.raises(StoreError, match="is full"):
        future.result()
    store._writer._db.execute("PRAGMA max_page_count = 1000000")
    kept = store.find("a").next_seq
    assert store.append("a", [frame("a", kept, rows=200)]).result().run.next_seq == kept + 1
    assert [f.seq for f in read_all(store)] == list(range(kept + 1))


KILLED = """
import sys
from pathlib import Path
from fake_producer import frame
from app.store import NewRun, Status
from app.store.sqlite import SqliteStore, segments
segments.FRAMES = 16
store = SqliteStore(Path(sys.argv[1]))
store.create(NewRun("a", "train", "a", status=Status.RUNNING)).result()
for seq in range(100_000):
    print(store.append("a", [frame("a", seq)]).result().run.next_seq, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 111])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/web")])}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    told = 0
    for line in process.stdout:
        told = int(line)
        if told >= acknowledged:
            break
    process.send_signal(signal.SIGKILL)
    told = max([told, *map(int, process.stdout.read().split()[:-1])])
    process.stdout.close()
    process.wait(PATIENCE_S)
    store = SqliteStore(tmp_path)
    frames = read_all(store)
    store.close()
    assert len(frames) >= told
    assert all(same(f, frame("a", seq)) for seq, f in enumerate(frames))


@given(st.lists(st.floats(width=32), min_size=1, max_size=300))
def test_a_summary_holds_the_extremes_of_its_buckets(values: list[float]) -> None:
    given_values = np.array(values, np.float32)
    places, found = read_summary(summarise(given_values), len(values))
    assert (np.diff(places) > 0).all()
    inside = places < len(given_values)
    assert np.array_equal(found[inside], given_values[places[inside]], equal_nan=True)
    for start in range(0, len(values), 64):
        bucket = given_values[start : start + 64]
        mine = found[(places >= start) & (places < start + 64)]
        whole, kept = bucket[np.isfinite(bucket)], mine[np.isfinite(mine)]
        assert len(kept) == 0 if len(whole) == 0 else (kept.min(), kept.max()) == (whole.min(), whole.max())
        assert np.isfinite(mine[places[(places >= start) & (places < start + 64)] < len(values)]).all() == (
            len(whole) == len(bucket)
        )
