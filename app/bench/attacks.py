"""What somebody in the room who wants it down costs the others: how long one of them waits meanwhile.

Each attack works from a process of its own against a fresh server with a token, for a few seconds and on
the loopback interface alone. An innocent visitor asks for the room and for a small run all the time.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from app.bench.server_process import memory, serving, until_answering
from app.bench.targets import Figure

SECONDS, WORKERS = 8.0, 4
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.05  # between two questions of the innocent
GOAL_MS, GOAL_MB = 500.0, 1000.0
TOKEN = "for-a-class-of-browsers"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PAGE = {"Accept": "text/html"}
SERVER = {"OPTIMSCOPE_LOG_LEVEL": "error", "OPTIMSCOPE_TOKEN": TOKEN}
SMALL = {"surface": {"id": "bowl"}, "runs": [{"optimizer": "sgd"}]}
LARGE = {"surface": {"id": "rosenbrock"}, "runs": [{"optimizer": "adamw"}] * 8, "steps": 20_000, "noise": 0.1}
SLOW = "+".join(f"abs(sin({i}*x)*cos({i}*y+{i}))" for i in range(1, 40))
RUN = "flood"
Attack = Callable[[int, Callable[[], bool], int], None]  # port, whether to go on, number of the worker


def measure(say: Callable[[str], object] = lambda text: None) -> list[Figure]:
    """All figures; takes about three minutes."""
    figures = []
    for name, attack in ATTACKS.items():
        say(name)
        with TemporaryDirectory() as folder, serving(Path(folder), SERVER) as (port, process):
            until_answering(port, process, "/readyz", PATIENCE_SECONDS)
            room, run, most = _beside(attack, port, process.pid)
        figures += [
            Figure(f"{name}: the room, p95", room, "ms", GOAL_MS),
            Figure("… a small run, p95", run, "ms", GOAL_MS),
            Figure("… memory of the web process", most, "MB", GOAL_MB),
        ]
    return figures


def _beside(attack: Attack, port: int, pid: int) -> tuple[float, float, float]:
    """How long an innocent visitor waits for both questions, ms, and the largest memory, MB."""
    _innocent(port)
    context = multiprocessing.get_context("spawn")
    attacker = context.Process(target=_attack, args=(attack, port), daemon=True)
    attacker.start()
    room, run, most = list[float](), list[float](), 0.0
    until = time.monotonic() + SECONDS + 2.0
    try:
        for number in range(10_000):
            if time.monotonic() > until:
                break
            room.append(_asked(port, "GET", "/api/room", None))
            run.append(_asked(port, "POST", "/api/trajectories", {**SMALL, "steps": 20 + number}))
            most = max(most, memory(pid) / 1e6)
            time.sleep(PAUSE_SECONDS)
    finally:
        attacker.kill()
        attacker.join()
    return _p95(room), _p95(run), most


def _p95(seconds: list[float]) -> float:
    return 1e3 * (quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0])


def _asked(port: int, method: str, path: str, body: object) -> float:
    """Seconds until the innocent's answer, or until they give up."""
    begin = time.monotonic()
    with suppress(OSError, HTTPException):
        if (
            _ask(
                port, method, path, body, {"Content-Type": HEADERS["Content-Type"], "Cookie": _innocent(port)}
            )
            == 200
        ):
            return time.monotonic() - begin
    return max(time.monotonic() - begin, PATIENCE_SECONDS)  # no answer is worse than any


_cookies: dict[int, str] = {}


def _innocent(port: int) -> str:
    """The cookies of a browser that came in before, by the link."""
    if port not in _cookies:
        _cookies[port] = _new_cookie(port, f"/runs?token={TOKEN}", PAGE)
    return _cookies[port]


def _new_cookie(port: int, path: str = "/runs", headers: dict[str, str] = HEADERS | PAGE) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        given = connection.getresponse().headers.get_all("Set-Cookie") or []
        return "; ".join(each.partition(";")[0] for each in given)
    finally:
        connection.close()


def _ask(
    port: int,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str],
    timeout: float = PATIENCE_SECONDS,
) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


# --- The attacks ----------------------------------------------------------------------------------------


def _attack(attack: Attack, port: int) -> None:
    """In a process of its own: a few workers at once."""
    until = time.monotonic() + SECONDS

    def work(number: int) -> None:
        while time.monotonic() < until:
            with suppress(OSError, HTTPException):
                attack(port, lambda: time.monotonic() < until, number)

    workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(WORKERS)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(SECONDS)


def _sent(port: int, text: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    connection.sendall(text.encode())
    return connection


def _nothing(port: int, going: Callable[[], bool], number: int) -> None:
    time.sleep(0.2)


def _both_lengths(port: int, going: Callable[[], bool], number: int) -> None:
    head = (
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with _sent(port, head) as connection:
        chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
        for _ in range(150):
            connection.sendall(chunk)


def _unfinished(port: int, going: Callable[[], bool], number: int) -> None:
    head = f"POST /api/ingest/runs/a/frames HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    opened = []
    for _ in range(8):
        opened.append(_sent(port, head + "Content-Length: 31000000\r\n\r\n"))
        with suppress(OSError):
            opened[-1].sendall(b" " * 30_000_000)
    while going():
        time.sleep(0.1)


def _silent(port: int, going: Callable[[], bool], number: int) -> None:
    opened = [_sent(port, "") for _ in range(250)]
    while going() and opened:
        time.sleep(0.1)


def _brackets(port: int, going: Callable[[], bool], number: int) -> None:
    _ask(port, "POST", "/api/ingest/runs", {"run": {"id": RUN}}, HEADERS)
    content = b'{"frames": [' + b"[]," * 10_000_000 + b"[]]}"
    _ask(port, "POST", f"/api/ingest/runs/{RUN}/frames", content, HEADERS)


def _tables(port: int, going: Callable[[], bool], number: int) -> None:
    body = {**LARGE, "seed": time.monotonic_ns() % 10**6}
    _ask(port, "POST", "/api/trajectories/csv", body, HEADERS, timeout=0.1)


def _formulas(port: int, going: Callable[[], bool], number: int) -> None:
    cookie = _new_cookie(port)  # somebody new each time
    body = {"surface": {"formula": f"{SLOW}+{time.monotonic_ns() % 10**6}"}, "n": 200}
    _ask(port, "POST", "/api/surfaces/grid", body, {**HEADERS, "Cookie": cookie}, timeout=0.5)


def _nobody(port: int, going: Callable[[], bool], number: int) -> None:
    _ask(port, "GET", "/runs", None, {**HEADERS, **PAGE})


def _streams(port: int, going: Callable[[], bool], number: int) -> None:
    head = "GET /api/stream?runs=* HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"
    opened = [_sent(port, f"{head}Authorization: Bearer {TOKEN}\r\n\r\n") for _ in range(250)]
    while going() and opened:
        time.sleep(0.1)


def _queue(port: int, going: Callable[[], bool], number: int) -> None:
    body = [{"task": "moons_mlp", "optimizer": "adamw", "steps": 2_000_000}] * 20
    _ask(port, "POST", "/api/runs", body, {**HEADERS, **PAGE})


def _guesses(port: int, going: Callable[[], bool], number: int) -> None:
    _ask(port, "GET", "/api/room", None, {"Authorization": f"Bearer guess-{time.monotonic_ns()}"})


def _unread(port: int, going: Callable[[], bool], number: int) -> None:
    body = json.dumps({**LARGE, "seed": number, "steps": 10_000}).encode()
    head = f"POST /api/trajectories HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    opened = [_sent(port, head + more + body.decode()) for _ in range(10)]
    while going() and opened:
        time.sleep(0.1)


ATTACKS: dict[str, Attack] = {
    "nothing": _nothing,
    "bodies with two lengths": _both_lengths,
    "bodies that do not end": _unfinished,
    "connections that say nothing": _silent,
    "a delivery of ten million brackets": _brackets,
    "tables that nobody waits for": _tables,
    "slow formulas of ever new visitors": _formulas,
    "pages without a cookie": _nobody,
    "a thousand streams": _streams,
    "the whole queue": _queue,
    "guessed tokens": _guesses,
    "large answers that nobody reads": _unread,
}
