"""Counts and times every answer, and logs it where that is wanted."""

from __future__ import annotations

import logging
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observe.metrics import Metrics

log = logging.getLogger("optimscope.requests")

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "other"


class RequestMetrics:
    """ASGI middleware, the outermost: it sees what the guard refuses too."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, log_requests: bool = False):
        self._app = app
        self._metrics = metrics
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, is_stream = perf_counter(), 0, False

        async def watched(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = Headers(raw=message["headers"]).get("content-type", "")
                is_stream = kind.startswith("text/event-stream")
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, status, perf_counter() - begun, is_stream=is_stream)

    def _note(self, scope: Scope, status: int, seconds: float, *, is_stream: bool) -> None:
        route = getattr(scope.get("route"), "path", OTHER)
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self._metrics.requests.labels(method, route, str(status)).inc()
        if not is_stream:
            self._metrics.seconds.labels(route).observe(seconds)
        if self._log_requests:  # never the query: it may hold the token, and what people look at
            client, milliseconds = (scope.get("client") or ("",))[0], round(1000 * seconds, 1)
            facts = {"method": method, "path": scope["path"], "status": status}
            log.info(
                "%s %s %s in %s ms for %s",
                *(*facts.values(), milliseconds, client),
                extra={**facts, "milliseconds": milliseconds, "client": client},
            )
