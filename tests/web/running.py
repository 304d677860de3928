"""A real server in a thread, and a reader of its streams."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import httpx

from app.commands.server import Server
from app.main import create_app
from app.runs.lifecycle import RunManager
from app.settings import Settings
from app.store import Run

T = TypeVar("T")
PATIENCE_S = 60.0  # on a machine that is busy with other things
WORK = ("fake_producer", "work")


@dataclass
class Running:
    """A server, from outside (``client``, ``port``) and from within (``live``)."""

    port: int
    client: httpx.Client
    manager: RunManager
    changed: threading.Condition
    server: Server

    def wait_for(self, run: str, *statuses: str) -> Run:
        """The run, once it has one of these statuses."""
        found = self.manager.store.find(run)

        def arrived() -> bool:
            nonlocal found
            found = self.manager.store.find(run)
            return found.status.value in statuses

        with self.changed:
            assert self.changed.wait_for(arrived, PATIENCE_S), (found.status, found.reason)
        return found

    def waiting(self, count: int) -> list[str]:
        """The queue, once it has this length."""
        found, pause, until = self.manager.jobs.waiting(), threading.Event(), monotonic() + PATIENCE_S
        while len(found) != count:
            assert monotonic() < until, found
            pause.wait(0.005)
            found = self.manager.jobs.waiting()
        return found


@contextmanager
def running(folder: Path, *, target: tuple[str, str] = WORK, **given: Any) -> Iterator[Running]:
    """A server on a free port; its workers do as `fake_producer.work` says, or ``target``."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = create_app(Settings(data_dir=folder, port=port, **given))
    manager: RunManager = app.state.services.runs
    manager.target = target
    changed = threading.Condition()
    manager.listeners.append(lambda changes: notify(changed))
    server = Server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    pause, until = threading.Event(), monotonic() + PATIENCE_S
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert monotonic() < until, "the server does not start"
        pause.wait(0.01)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            yield Running(port, client, manager, changed, server)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listening.close()


def alone(work: Coroutine[Any, Any, T]) -> T:
    """Runs it on a loop of its own, in a thread: this one has a loop already once a browser was driven."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def notify(changed: threading.Condition) -> None:
    with changed:
        changed.notify_all()


class Stream:
    """Reads a stream event by event."""

    def __init__(self, port: int, query: str, last_id: str = "", headers: Mapping[str, str] = {}):
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        resumed = {"Last-Event-ID": last_id} if last_id else {}
        self._connection.request("GET", f"/api/stream?{query}", headers={**headers, **resumed})
        self.response = self._connection.getresponse()
        self.last_id = last_id

    def next(self, kind: str = "frame", wanted: Callable[[Any], bool] = lambda data: True) -> Any:
        """The data of the next event of this kind; None at the stream's end."""
        found, event = "", ""
        while raw := self.response.readline():
            line = raw.decode().rstrip("\n")
            if not line:
                if event == kind and wanted(data := json.loads(found)):
                    return data
                found, event = "", ""
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                found = value
            elif name == "id":
                self.last_id = value
        return None

    def close(self) -> None:
        self.response.close()
        self._connection.close()
