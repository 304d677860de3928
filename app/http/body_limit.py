"""Limits on the bodies of requests: counted as they arrive, answered like every other error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.visitors import share_of_address


@dataclass(frozen=True)
class Most:
    """What one body may hold, with the names of the limits that say so."""

    bytes: int
    elements: int
    bytes_name: str = ""
    elements_name: str = ""


class BodyLimit:
    """ASGI middleware. What a body weighs is what came, whatever its headers say.

    most     by the beginning of the address; "" for all others
    held     bytes of all bodies that are being read or worked on at the same time
    of_one   as many of them as one visitor may have; one address may have three quarters of all
    """

    def __init__(self, app: ASGIApp, most: Mapping[str, Most], *, held: int, of_one: int):
        self._app = app
        self._most = sorted(most.items(), key=lambda item: -len(item[0]))
        self._held, self._of_one = held, of_one
        self._now: Counter[tuple[str, str]] = Counter()  # bytes by whom they are counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = next(limit for start, limit in self._most if scope["path"].startswith(start))
        headers, visitor, total, elements = Headers(scope=scope), scope["visitor"], 0, 0
        # By visitor, by address, in all: with the most that each may have.
        counted_by = {
            ("visitor", visitor.id): self._of_one,
            ("address", visitor.place): share_of_address(self._held),
            ("all", ""): self._held,
        }
        declared = headers.get("content-length", "")

        async def counted() -> Message:
            nonlocal total, elements
            if declared and "transfer-encoding" in headers:
                raise HTTPException(
                    400,
                    "Content-Length and Transfer-Encoding contradict each other: send one of them.",
                    {"Connection": "close"},
                )
            if declared.isdecimal() and int(declared) > most.bytes:
                raise _too_large("bytes", most.bytes, most.bytes_name)
            message = await receive()
            body = message.get("body", b"")
            size, elements = len(body), elements + elements_in(body)
            total += size
            for each in counted_by:
                self._now[each] += size
            if total > most.bytes:
                raise _too_large("bytes", most.bytes, most.bytes_name)
            if elements > most.elements:
                raise _too_large("values, lists and objects", most.elements, most.elements_name)
            if any(self._now[each] > most_held for each, most_held in counted_by.items()):
                raise HTTPException(
                    429,
                    f"Too much is sent at the same time, allowed are at most {self._held} bytes of all"
                    f" visitors and {self._of_one} of one: try again in a second."
                    " OPTIMSCOPE_MAX_HELD_BYTES, set for the server, raises the limit.",
                    {"Retry-After": "1", "Connection": "close"},
                )
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            for each in counted_by:
                self._now[each] -= total
                if self._now[each] <= 0:
                    del self._now[each]


def elements_in(body: bytes) -> int:
    """How many values, lists and objects a piece of JSON may hold: counted before any is made."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _too_large(what: str, most: int, name: str) -> HTTPException:
    raised = f" OPTIMSCOPE_MAX_{name.upper()}, set for the server, raises the limit." if name else ""
    return HTTPException(
        413, f"The body of the request is too large, allowed are at most {most} {what}.{raised}"
    )
