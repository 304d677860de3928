"""Answers that were computed before: same request, same bytes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response

from app.http.encoding import to_json
from app.http.responses import etag_of, reply


@dataclass(frozen=True)
class Answer:
    """Bytes of JSON, with the tag that names them."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> Answer:
        """JSON with its tag."""
        return cls(body, etag_of(body))

    def respond(self, request: Request) -> Response:
        """200 with the body, or 304 if the client has it already."""
        return reply(request, self.body, "application/json", etag=self.etag)


class Once:
    """An answer that never changes: made by the first who asks, while others wait, and kept for good."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: Answer | None = None

    def answer(self, compute: Callable[[], object]) -> Answer:
        """What ``compute`` gives, as JSON; whatever it raises is not kept."""
        with self._lock:
            if self._made is None:
                self._made = Answer.of(to_json(compute()))
            return self._made


class AnswerCache:
    """The most recently used answers, in at most ``max_bytes``."""

    def __init__(self, max_bytes: int):
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._lock = Lock()

    def find(self, key: str) -> Answer | None:
        """The answer kept for the question of this key."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, found: Answer) -> None:
        """Keeps an answer, and lets go of those that were used the longest ago."""
        with self._lock:
            if len(found.body) > self._max_bytes or key in self._kept:
                return
            self._kept[key] = found
            self._bytes += len(found.body)
            while self._bytes > self._max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.body)


def key_of(question: object) -> str:
    """A short name for ``question``: values whose ``repr`` tells them from all others."""
    text = repr(question).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
