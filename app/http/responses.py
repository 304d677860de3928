"""Bytes as responses: compressed where a network lies between, 304 where the client has them already."""

from __future__ import annotations

import gzip
import hashlib

from starlette.requests import Request
from starlette.responses import Response

from app.settings import is_loopback

SMALLEST = 1_000  # bytes worth compressing
# Base64 of floats shrinks to under a half (the digits of round numbers repeat), and level 1 does that as
# well as level 9. What is computed anew for every movement of a slider is packed only where a network
# lies between: on one machine the time that packing takes is the time that it costs.
LEVEL = 1


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
