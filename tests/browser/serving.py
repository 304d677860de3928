"""A server for browsers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from app.commands.server import Server
from app.main import create_app
from app.settings import Settings


@contextmanager
def serving(data: Path, **given: Any) -> Iterator[str]:
    """A server with these settings, and its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    running = Server(create_app(Settings(port=port, data_dir=data, **given)))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    wait, until = threading.Event(), monotonic() + 60.0
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        assert monotonic() < until, "the server does not start"
        wait.wait(0.02)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(10)
