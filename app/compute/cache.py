"""Answers that were computed before: same request, same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import Response

from app.http.encoding import to_json
from app.http.responses import etag_of, reply


@dataclass(frozen=True)
class Answer:
    """Bytes, with the tag that names them."""

    body: bytes
    etag: str
    media_type: str = "application/json"

    @classmethod
    def of(cls, body: bytes, media_type: str = "application/json") -> Answer:
        """The bytes with their tag."""
        return cls(body, etag_of(body), media_type)

    def respond(self, request: Request) -> Response:
        """200 with the body, or 304 if the client has it already."""
        return reply(request, self.body, self.media_type, etag=self.etag)


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
        self._kept: LRUCache[str, Answer] = LRUCache(max_bytes, lambda answer: len(answer.body))
        self._lock = Lock()

    def find(self, key: str) -> Answer | None:
        """The answer kept for the question of this key."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: str, found: Answer) -> None:
        """Keeps an answer that fits, and lets go of those that were used the longest ago."""
        with self._lock, suppress(ValueError):  # larger than all that may be kept
            self._kept.setdefault(key, found)


def key_of(question: object) -> str:
    """A short name for ``question``: values whose ``repr`` tells them from all others."""
    text = repr(question).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
