"""Limits on the bodies of requests: counted as they arrive, answered like every other error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.visitors import share_of_address


class BodyLimit:
    """ASGI middleware. What a body weighs is what came, whatever its headers say.

    most     bytes of one body, by the beginning of the address; "" for all others. With it the setting
             that raises the limit, if one does.
    held     bytes of all bodies that are being read or worked on at the same time
    of_one   as many of them as one visitor may have; one address may have three quarters of all
    """

    def __init__(self, app: ASGIApp, most: Mapping[str, tuple[int, str]], *, held: int, of_one: int):
        self._app = app
        self._most = sorted(most.items(), key=lambda item: -len(item[0]))
        self._held, self._of_one = held, of_one
        self._now: Counter[tuple[str, str]] = Counter()  # bytes by whom they are counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most, setting = next(limit for start, limit in self._most if scope["path"].startswith(start))
        headers, visitor, total = Headers(scope=scope), scope["visitor"], 0
        # By visitor, by address, in all: with the most that each may have.
        counted_by = {
            ("visitor", visitor.id): self._of_one,
            ("address", visitor.place): share_of_address(self._held),
            ("all", ""): self._held,
        }
        declared = headers.get("content-length", "")

        async def counted() -> Message:
            nonlocal total
            if declared and "transfer-encoding" in headers:
                raise HTTPException(
                    400,
                    "Content-Length and Transfer-Encoding contradict each other: send one of them.",
                    {"Connection": "close"},
                )
            if declared.isdecimal() and int(declared) > most:
                raise _too_large(most, setting)
            message = await receive()
            size = len(message.get("body", b""))
            total += size
            for each in counted_by:
                self._now[each] += size
            if total > most:
                raise _too_large(most, setting)
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


def _too_large(most: int, setting: str) -> HTTPException:
    raised = f" {setting}, set for the server, raises the limit." if setting else ""
    return HTTPException(
        413, f"The body of the request is too large, allowed are at most {most} bytes.{raised}"
    )
