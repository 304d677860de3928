"""Attacks on a server of our own, on loopback and small: bodies, silence, numbers of connections."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from running import PATIENCE_S, Running, running

from app.http import connections
from app.observe.logs import Rarely
from app.settings import Limits

HEAD = "POST /api/trajectories HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, proxies=()) as server:
        yield server


@contextmanager
def opened(server: Running, text: str = "") -> Iterator[socket.socket]:
    """A connection on which ``text`` was sent."""
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)) as connection:
        connection.sendall(text.encode())
        yield connection


def answer(connection: socket.socket) -> str:
    """What the server sends until it closes, or nothing if it closes without a word."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found.decode()


def chunk(size: int) -> str:
    return f"{size:x}\r\n{'a' * size}\r\n"


# --- Bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/api/trajectories", "/api/ingest/runs"])
def test_a_length_beside_chunks_is_refused(server: Running, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with opened(server, f"{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{chunk(5)}") as attack:
        text = answer(attack)
    assert text.startswith("HTTP/1.1 400")
    assert "contradict each other" in text


@pytest.mark.parametrize(
    ("path", "most"),
    [("/login", 4_000), ("/api/trajectories", 1_000_000), ("/api/trajectories/csv", 1_000_000)],
)
def test_chunks_are_counted_as_they_come(server: Running, path: str, most: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    content = "Content-Type: application/json\r\n\r\n"
    with opened(server, head + content + chunk(most // 2) * 3 + "0\r\n\r\n") as attack:
        text = answer(attack)
    assert text.startswith("HTTP/1.1 413")
    assert f"at most {most} bytes" in text


def test_bodies_that_do_not_end_fill_no_memory(tmp_path: Path) -> None:
    limits = Limits(held_bytes=100_000, ingest_bytes=20_000, body_bytes=20_000)
    with running(tmp_path, limits=limits) as server, ExitStack() as held:
        for _ in range(2):
            attack = held.enter_context(opened(server, f"{HEAD}Content-Length: 19000\r\n\r\n{' ' * 18_000}"))
        text = answer(attack)  # the second is above the visitor's share; the first still waits
        assert text.startswith("HTTP/1.1 429")
        assert "OPTIMSCOPE_MAX_HELD_BYTES" in text
        assert server.client.get("/healthz").status_code == 200


# --- Silence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deadline", "sent"),
    [
        ("SILENT_S", ""),
        ("HEADERS_S", "GET / HTTP/1.1\r\nHost: loc"),
        ("BODY_S", f"{HEAD}Content-Length: 100\r\n\r\n{{"),
        ("BODY_S", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n"),
    ],
)
def test_what_does_not_go_on_is_closed(
    server: Running, monkeypatch: pytest.MonkeyPatch, deadline: str, sent: str
) -> None:
    monkeypatch.setattr(connections, deadline, 0.2)
    with opened(server, sent) as attack:
        assert "200 OK" not in answer(attack)


def test_drops_do_not_prolong_a_deadline(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    with opened(server, "GET / HTTP/1.1\r\n") as attack:
        attack.settimeout(0.05)
        for _ in range(200):
            try:
                attack.sendall(b"X-A: b\r\n")
                if not attack.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    pytest.fail("the connection is still open")


def test_an_answer_that_nobody_reads_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_S", 0.2)
    request = "GET /static/x/plotly.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    path = server.client.get("/").text.partition('href="/static/')[2].partition("/")[0]
    with socket.socket() as attack:
        attack.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        attack.settimeout(PATIENCE_S)
        attack.connect(("127.0.0.1", server.port))
        attack.sendall(request.replace("/x/", f"/{path}/").encode() * 8)
        for _ in range(200):
            if not open_at(server):
                break
            server.client.get("/healthz")
        assert not open_at(server)


def open_at(server: Running) -> list[connections.DeadlineProtocol]:
    """Connections whose answers wait for their reader."""
    return [each for each in list(server.server.server_state.connections) if each._unread]


# --- Numbers ----------------------------------------------------------------------------------------


def test_the_oldest_silent_connection_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "OF_ONE_ADDRESS", 5)
    with running(tmp_path, proxies=()) as server, ExitStack() as held:
        silent = [held.enter_context(opened(server)) for _ in range(8)]
        for gone in silent[:3]:
            assert answer(gone) == ""
        assert server.client.get("/healthz").status_code == 200
        used = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        silent[-1].sendall(used.encode())
        assert "200 OK" in answer(silent[-1])


def test_where_all_are_in_use_the_new_one_is_refused() -> None:
    class Used:
        address, is_idle, ended = "a", False, False

        def end(self) -> None:
            self.ended = True

    known, every = connections.Connections(most=3, of_one=2), [Used() for _ in range(3)]
    for each in every:
        known.add(each)  # type: ignore[arg-type]
    assert [each.ended for each in every] == [False, False, True]
    other = Used()
    other.address = "b"
    known.add(other)  # type: ignore[arg-type]
    another = Used()
    another.address = "c"
    known.add(another)  # type: ignore[arg-type]
    assert (other.ended, another.ended, every[1].ended) == (False, False, True)  # whoever has most loses


def test_a_trusted_proxy_may_have_as_many_as_there_are() -> None:
    class Idle:
        address, is_idle, ended = "proxy", True, False

        def end(self) -> None:
            self.ended = True

    known = connections.Connections(most=4, of_one=2, trusted="proxy".__eq__)
    every = [Idle() for _ in range(5)]
    for each in every:
        known.add(each)  # type: ignore[arg-type]
    assert [each.ended for each in every] == [True, False, False, False, False]


# --- The log ----------------------------------------------------------------------------------------


def test_the_same_line_comes_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rarely, passed = Rarely(), []
    for _ in range(3):
        for name in ("uvicorn.error", "optimscope"):
            record = logging.makeLogRecord({"name": name, "msg": "too much"})
            if rarely.filter(record):
                passed.append((now, record.name, record.msg))
        now += 40
    assert passed == [
        (100.0, "uvicorn.error", "too much"),
        (100.0, "optimscope", "too much"),
        (140.0, "optimscope", "too much"),
        (180.0, "uvicorn.error", "too much (and 1 more like this)"),
        (180.0, "optimscope", "too much"),
    ]
