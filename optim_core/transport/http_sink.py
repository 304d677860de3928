"""A sink that delivers frames to a server, through its restarts and without stopping the training.

``HttpSink`` hands frames to a thread of its own, which sends them in order and forgets them only when
the server has said that it keeps them: ``next_seq`` in an answer acknowledges all frames before it.
What fails is sent again with the same numbers, after a pause that grows from 0.1 to 5 seconds; the
server passes over what it has. When nothing is to be sent, an empty delivery every half second is the
sign of life and brings `Control`.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from optim_core.declare.errors import InvalidInput
from optim_core.transport.control import Control
from optim_core.transport.frames import Frame

HEARTBEAT_S = 0.5
TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
BATCH_BYTES = 512 << 10  # of columns in one delivery; halved when a server finds that too large
BACKLOG_BYTES = 256 << 20  # of columns that wait; beyond it, `write` waits up to WRITE_WAIT_S
WRITE_WAIT_S = 1.0
SETTLE_S = 10.0


class HttpSink:
    """Delivers to the Optimscope server at ``base_url``.

    ``run`` is the id of the run, or what is to be told of it (``{"id", "name", "tags", …}``; without
    an id it gets one). ``refused`` holds the server's words once it has refused for good (no such
    run, no access, a frame that it cannot take): then `control` says cancel. ``trouble`` holds what
    went wrong last and will be tried again.
    """

    def __init__(self, base_url: str, run: str | Mapping[str, Any], token: str | None = None):
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                f"got {base_url[:80]!r}, expected an address such as http://localhost:8000.", field="base_url"
            )
        self._about: dict[str, Any] = {"id": run} if isinstance(run, str) else dict(run)
        self.run: str = self._about.setdefault("id", uuid.uuid4().hex)
        self._https, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: HTTPConnection | None = None
        self._waiting: deque[Frame] = deque()
        self._bytes, self._batch_bytes = 0, BATCH_BYTES
        self._greeted, self._acknowledged = False, 0
        self._end: tuple[str, str] | None = None
        self._done = False
        self._control: Control | None = None
        self.refused, self.trouble = "", ""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._deliver, name="optimscope-sink", daemon=True)

    @property
    def undelivered(self) -> int:
        """Frames that the server has not acknowledged."""
        return len(self._waiting)

    def open(self, run: Mapping[str, Any]) -> None:
        self._about = {**run, **self._about}
        self._thread.start()

    def write(self, frame: Frame) -> Control | None:
        with self._changed:
            if self._bytes > BACKLOG_BYTES and not self.refused:
                self._changed.wait_for(lambda: self._bytes <= BACKLOG_BYTES or self._done, WRITE_WAIT_S)
            self._waiting.append(frame)
            self._bytes += _bytes(frame)
            self._changed.notify_all()
        return self.control()

    def control(self) -> Control | None:
        return self._control

    def settle(self, timeout: float = SETTLE_S) -> bool:
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: self._done or (self._greeted and not self._waiting), timeout
            )
        return arrived and not self._done

    def leave(self, timeout: float = SETTLE_S) -> None:
        self._stop("")
        self._thread.join(timeout)

    def close(self, outcome: str, reason: str, timeout: float = 30.0) -> None:
        """Waits up to ``timeout`` seconds until everything is delivered; see `undelivered`."""
        with self._changed:
            self._end = (outcome, reason)
            self._changed.notify_all()
        self._thread.join(timeout)

    def _deliver(self) -> None:
        """The thread: one request after another until the end is delivered."""
        pause = FIRST_PAUSE_S
        while not self._done:
            self._wait_for_work()
            if self._done:
                break
            try:
                self._request()
                self.trouble, pause = "", FIRST_PAUSE_S
            except _Refused as refusal:
                self._stop(str(refusal))
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
                self._disconnect()
                self.trouble = f"{type(error).__name__}: {error}"
                with self._changed:
                    self._changed.wait_for(lambda: False, pause)
                pause = min(2.0 * pause, LONGEST_PAUSE_S)
        self._disconnect()

    def _wait_for_work(self) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._end is not None or self._done or not self._greeted, HEARTBEAT_S
            )

    def _request(self) -> None:
        """The next thing to tell the server: hello, frames, the end."""
        path = f"/api/ingest/runs/{quote(self.run, safe='')}"
        if not self._greeted:
            answer = self._post("/api/ingest/runs", {"run": self._about})
            self._greeted = True
            self._answered(answer)
        elif self._waiting or self._end is None:
            frames = [frame.to_json() | {"run": self.run} for frame in self._batch()]
            self._answered(self._post(f"{path}/frames", {"frames": frames}))
        else:
            outcome, reason = self._end
            self._post(f"{path}/finish", {"outcome": outcome, "reason": reason})
            self._stop("")

    def _batch(self) -> list[Frame]:
        """The frames of the next delivery, the oldest first; at least one if any waits."""
        chosen: list[Frame] = []
        size = 0
        with self._changed:
            for frame in self._waiting:
                size += _bytes(frame)
                if chosen and size > self._batch_bytes:
                    break
                chosen.append(frame)
        return chosen

    def _answered(self, answer: Mapping[str, Any]) -> None:
        """Forgets what is acknowledged, and takes the control."""
        if "control" in answer:
            self._control = Control.from_json(answer["control"])
        expected = int(answer["next_seq"])
        with self._changed:
            while self._waiting and self._waiting[0].seq < expected:
                self._bytes -= _bytes(self._waiting.popleft())
            if self._waiting and self._waiting[0].seq > expected:
                raise _Refused(f"the server has lost frames: it expects {expected}")
            self._changed.notify_all()

    def _post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The answer; raises _Refused for what no repetition will change."""
        body = json.dumps(content, separators=(",", ":")).encode()
        if self._connection is None:
            kind = HTTPSConnection if self._https else HTTPConnection
            self._connection = kind(self._host, self._port, timeout=TIMEOUT_S)
        self._connection.request("POST", self._prefix + path, body, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        status = response.status
        if status == 409 and path.endswith("/frames"):
            answer = json.loads(text)
            if "next_seq" in answer:
                return dict(answer)
        if status == 413 and len(content.get("frames", ())) > 1:
            self._batch_bytes //= 2
            raise HTTPException("the server found the delivery too large")
        if 400 <= status < 500 and status not in (408, 425, 429):
            raise _Refused(f"the server refused ({status}): {_words(text)}")
        if status >= 300:
            raise HTTPException(f"the server answered {status}: {_words(text)}")
        return dict(json.loads(text or b"{}"))

    def _stop(self, refused: str) -> None:
        with self._changed:
            self.refused, self._done = refused, True
            if refused:
                version = self._control.version + 1 if self._control else 1
                self._control = Control(version=version, cancel=True)
            self._changed.notify_all()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Refused(Exception):
    """The server said no, for good."""


def _bytes(frame: Frame) -> int:
    return sum(values.nbytes for values in frame.columns.values())


def _words(text: bytes) -> str:
    """What an error's body says."""
    try:
        return str(json.loads(text)["error"]["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return text[:200].decode("utf-8", "replace")
