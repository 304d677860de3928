"""Bytes as responses: compressed where a network lies between, 304 where the client has them already."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.settings import is_loopback

SMALLEST = 1_000  # bytes worth compressing
# Base64 of floats shrinks to under a half (the digits of round numbers repeat), and level 1 does that as
# well as level 9. What is computed anew for every movement of a slider is packed only where a network
# lies between: on one machine the time that packing takes is the time that it costs.
LEVEL = 1
PIECE = 250_000  # bytes that are sent at once
LEAST_S, SLOWEST = 30.0, 500_000  # seconds for an answer, and one more for so many bytes


def etag_of(body: bytes) -> str:
    """The tag that names these bytes."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def reply(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    etag: str = "",
    status: int = 200,
    cache: str = "no-cache",
) -> Response:
    """The answer with this body, or 304 if the request names its ``etag``."""
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    if etag:
        headers["ETag"] = etag
        if _has(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
    if is_packed(request, body):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, LEVEL, mtime=0)
    return Response(body, status, headers, media_type=media_type)


class Delivered(Response):
    """A response that is sent piece by piece as it is read, and given up where that takes too long.

    ``then`` is called at its end, however it ends.
    """

    def __init__(self, response: Response, then: Callable[[], None]):
        self.status_code, self.body, self.background = response.status_code, response.body, None
        self.raw_headers = response.raw_headers
        self._then = then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = memoryview(self.body)
        head = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            async with asyncio.timeout(LEAST_S + len(body) / SLOWEST):
                await send(head)
                for first in range(0, max(len(body), 1), PIECE):
                    piece, more = bytes(body[first : first + PIECE]), first + PIECE < len(body)
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            pass  # without its end the connection is closed
        finally:
            self._then()


def is_packed(request: Request, body: bytes) -> bool:
    """Whether `reply` packs this body for this request, which takes milliseconds."""
    return (
        len(body) > SMALLEST
        and (request.method == "GET" or _over_network(request))
        and "gzip" in request.headers.get("accept-encoding", "")
    )


def _over_network(request: Request) -> bool:
    return request.client is None or not is_loopback(request.client.host)


def _has(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
