"""What differs in a container: the cores that it may use, the port outside, files that nobody else reads."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest
from fake_producer import frame
from running import running

from app import processes
from app.access.startup_links import local_link, startup_text
from app.settings import Settings
from app.store import NewRun, open_store
from app.store.sqlite.database import FILE


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8), ("", 8)],
)
def test_the_containers_share_of_the_cores_counts(
    limit: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(processes, "CGROUP", tmp_path / "cpu.max")
    if limit:
        processes.CGROUP.write_text(f"{limit}\n")
    assert processes.cores() == expected
    assert Settings(host="0.0.0.0", token="long-enough").computing == expected


def test_the_printed_link_names_the_port_outside() -> None:
    settings = Settings(host="0.0.0.0", token="long-enough", published_port=9000)
    assert local_link(settings) == "http://127.0.0.1:9000"
    assert ":8000" not in startup_text(settings, "long-enough")


def test_an_instructors_token_alone_is_enough_where_the_other_is_made_up() -> None:
    assert Settings(host="0.0.0.0", instructor_token="the-token-of-the-desk").token == ""


def test_nobody_else_on_the_machine_reads_the_database(tmp_path: Path) -> None:
    (tmp_path / FILE).touch(mode=0o644)
    with running(tmp_path) as server:
        server.manager.store.create(NewRun("a", "watch", "a")).result()
        server.manager.store.append("a", [frame("a", 0)]).result()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob(f"{FILE}*")}
    assert modes.keys() >= {FILE, f"{FILE}-wal"}
    assert set(modes.values()) == {0o600}


def test_a_database_that_was_cut_to_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "optimscope"):
        open_store(tmp_path).close()
        assert not caplog.records
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / FILE).touch()
        open_store(tmp_path / "other").close()
    assert "is empty" in caplog.text


def test_names_that_a_spreadsheet_would_compute_are_text(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@sum", "a=b"]
    with running(tmp_path) as server:
        server.manager.store.create(NewRun("a", "watch", "a")).result()
        sent = frame("a", 0)
        columns = {"step": sent.columns["step"]} | dict.fromkeys(names, sent.columns["loss"])
        server.manager.store.append("a", [type(sent)("a", 0, 1, columns)]).result()
        header = server.client.get("/api/runs/a/export?format=csv").text.partition("\n")[0]
    assert sorted(header.split(",")) == sorted(["step", "'=1+1", "'+1", "'-1", "'@sum", "a=b"])
