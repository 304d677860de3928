"""A backup is one moment of a store that is written on; what is put back is sound, or refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_producer import frame, same
from running import running

from app.commands.main import main
from app.store import NewRun, Status, Store, StoreError, open_store
from app.store.sqlite import copies
from app.store.sqlite.database import FILE


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def read(store: Store, run: str = "a") -> list[Any]:
    return store.frames(run, 0, lambda _: True, 10**9)


def fill(folder: Path, frames: int = 20, run: str = "a") -> None:
    store = open_store(folder)
    store.create(NewRun(run, "watch", run, status=Status.RUNNING)).result()
    store.append(run, [frame(run, seq) for seq in range(frames)]).result()
    store.close()


def contents(folder: Path) -> dict[str, int]:
    """The runs in a folder, with the number of frames of each."""
    store = open_store(folder)
    found = {run: len(read(store, run)) for run in ("a", "b") if store.select(_ids(run))[1]}
    store.close()
    return found


def _ids(run: str) -> Any:
    from app.store import Query

    return Query(ids=[run])


def test_a_running_server_is_copied_and_put_back_elsewhere(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "backup.db", tmp_path / "elsewhere"
    with running(tmp_path / "data") as server:
        store = server.manager.store
        store.create(NewRun("a", "watch", "a", status=Status.RUNNING)).result()
        store.append("a", [frame("a", seq) for seq in range(600)]).result()
        result = invoke("backup", file, "--data-dir", tmp_path / "data")
        assert result.exit_code == 0, result.output
        store.append("a", [frame("a", 600)]).result()
        assert server.client.get("/api/runs/a").json()["next_seq"] == 601
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["backup.db"], "one file, complete"
    result = invoke("restore", file, "--data-dir", elsewhere)
    assert result.exit_code == 0, result.output
    with running(elsewhere) as server:
        assert server.client.get("/api/runs/a").json()["next_seq"] == 600
        found = read(server.manager.store)
        while part := server.manager.store.frames("a", found[-1].seq + 1, lambda _: True, 10**9):
            found += part
        assert len(found) == 600
        assert all(same(one, frame("a", seq)) for seq, one in enumerate(found))


def test_a_copy_is_of_one_moment_whatever_is_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "PAGES", 4)
    fill(tmp_path / "data")
    store, calls = open_store(tmp_path / "data"), list[int]()

    def write_on(done: int, total: int) -> None:
        store.append("a", [frame("a", 20 + len(calls))]).result()
        calls.append(done)

    copies.back_up(tmp_path / "data", tmp_path / "backup.db", write_on)
    after = len(read(store))
    store.close()
    assert len(calls) > 3
    assert calls == sorted(set(calls)), "it never begins again"
    assert after == 20 + len(calls)
    copies.restore(tmp_path / "copy", tmp_path / "backup.db")
    assert contents(tmp_path / "copy") == {"a": 20}


def test_the_store_that_was_there_is_kept_aside(tmp_path: Path) -> None:
    fill(tmp_path / "one", run="a")
    fill(tmp_path / "two", run="b")
    copies.back_up(tmp_path / "one", tmp_path / "backup.db")
    result = invoke("restore", tmp_path / "backup.db", "--data-dir", tmp_path / "two")
    assert result.exit_code == 0, result.output
    assert contents(tmp_path / "two") == {"a": 20}
    [former] = (tmp_path / "two").glob(f"{FILE}.before-*")
    assert str(former) in result.output
    copies.restore(tmp_path / "two", former)
    assert contents(tmp_path / "two") == {"b": 20}


def test_a_journal_of_the_former_store_does_not_get_into_the_new_one(tmp_path: Path) -> None:
    fill(tmp_path / "one", run="a")
    fill(tmp_path / "two", run="b")
    copies.back_up(tmp_path / "one", tmp_path / "backup.db")
    database = tmp_path / "two" / FILE
    with closing(sqlite3.connect(database)) as db:  # as a killed server leaves it
        db.execute("UPDATE runs SET name = 'changed'")
        db.commit()
        left = {suffix: database.with_name(FILE + suffix).read_bytes() for suffix in ("-wal", "-shm")}
    for suffix, content in left.items():
        database.with_name(FILE + suffix).write_bytes(content)
    former = copies.restore(tmp_path / "two", tmp_path / "backup.db")
    assert contents(tmp_path / "two") == {"a": 20}
    assert former
    assert former.with_name(former.name + "-wal").read_bytes() == left["-wal"]


def test_a_server_that_runs_keeps_its_store(tmp_path: Path) -> None:
    fill(tmp_path / "one", run="a")
    copies.back_up(tmp_path / "one", tmp_path / "backup.db")
    fill(tmp_path / "two", run="b")
    store = open_store(tmp_path / "two")
    result = invoke("restore", tmp_path / "backup.db", "--data-dir", tmp_path / "two")
    store.close()
    assert result.exit_code == 1
    assert "in use by another Optimscope. Stop that one" in result.output
    assert contents(tmp_path / "two") == {"b": 20}


def junk(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE things (x)")
        db.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    for page in range(2, len(content) // size, 2):
        content[page * size + 8 : page * size + 200] = b"\xff" * 192
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (junk, "is damaged or no database"),
        (foreign, "is a database of another program"),
        (newer, "was written by a newer Optimscope"),
        (damaged, "is damaged"),
        (Path.unlink, "there is no file"),
    ],
)
def test_what_is_no_sound_backup_is_refused_and_changes_nothing(
    tmp_path: Path, spoil: Any, message: str
) -> None:
    fill(tmp_path / "one", frames=200, run="a")
    file = tmp_path / "backup.db"
    if spoil is foreign:
        foreign(file)
    else:
        copies.back_up(tmp_path / "one", file)
        spoil(file)
    fill(tmp_path / "two", run="b")
    before = sorted(path.name for path in (tmp_path / "two").iterdir())
    result = invoke("restore", file, "--data-dir", tmp_path / "two")
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == before
    assert contents(tmp_path / "two") == {"b": 20}


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "mine").write_text("mine")
    result = invoke("backup", tmp_path / "mine", "--data-dir", tmp_path / "data")
    assert (result.exit_code, (tmp_path / "mine").read_text()) == (1, "mine")
    assert "is there already" in result.output

    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copies.back_up(tmp_path / "data", tmp_path / "cut", fail)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "mine"}


def test_what_cannot_be_copied_is_told_in_plain_words(tmp_path: Path) -> None:
    result = invoke("backup", tmp_path / "b", "--data-dir", tmp_path / "nothing")
    assert (result.exit_code, "there is no store in" in result.output) == (1, True)
    assert not (tmp_path / "nothing").exists()
    fill(tmp_path / "data")
    with pytest.raises(StoreError, match="cannot be written"):
        copies.back_up(tmp_path / "data", tmp_path / "no" / "such" / "folder.db")
