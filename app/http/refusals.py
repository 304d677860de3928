"""Answers other than success that are no mistake in a field: gone, taken, full, not now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.http.errors import error_response
from app.store import NoSuchRun, RunEnded, StoreError


class Refusal(Exception):
    """An error with its status; ``beside`` stands next to it in the answer."""

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, beside: Mapping[str, Any] | None = None
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.beside = beside or {}


def install(app: FastAPI) -> None:
    """Makes ``app`` answer these errors in the one shape."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(NoSuchRun, _no_such_run)
    app.add_exception_handler(RunEnded, _run_ended)
    app.add_exception_handler(StoreError, _store_failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    response = error_response(error.status, error.message, code=error.code, hint=error.hint)
    if not error.beside:
        return response
    body = orjson.loads(bytes(response.body)) | dict(error.beside)
    return Response(orjson.dumps(body), error.status, media_type="application/json")


async def _no_such_run(request: Request, error: Exception) -> Response:
    return error_response(
        404, str(error), code="unknown_run", hint="GET /api/runs lists those that there are."
    )


async def _run_ended(request: Request, error: Exception) -> Response:
    return error_response(409, str(error), code="ended", hint="Start a new run.")


async def _store_failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    status, code = (507, "disk_full") if error.full else (503, "store")
    return error_response(status, error.message, code=code, hint=error.hint)
