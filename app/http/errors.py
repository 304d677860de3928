"""One shape for every error: ``{"error": {"code", "message", "field"?, "hint"?}}``, never a trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optim_core.declare.errors import InvalidInput

log = logging.getLogger("optimscope")

_CODES = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found"}
_CODES |= {405: "method_not_allowed", 413: "too_large", 415: "content_type", 422: "invalid", 429: "busy"}
_MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not answer that method.",
}
MOST_ERRORS = 100  # of one body, that are looked at
_UNREADABLE = "There was an error parsing the body"  # FastAPI's words
# What pydantic's types of error mean, in plain words; {…} come from the error's context.
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "value_error": "{error}",
    "string_pattern_mismatch": "text of the form {pattern}",
}
_ABSENT = {"missing": "this is needed and was not given.", "extra_forbidden": "there is no such field here."}


def error_response(
    status: int,
    message: str,
    *,
    code: str = "",
    field: str = "",
    hint: str = "",
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that tells one error."""
    error = {"code": code or _CODES.get(status, "error"), "message": _clean(message)}
    error |= {name: _clean(text) for name, text in (("field", field), ("hint", hint)) if text}
    return Response(orjson.dumps({"error": error}), status, headers, media_type="application/json")


def _clean(text: str) -> str:
    """Text that JSON can hold: what was sent may quote half of a character."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def install(app: FastAPI) -> None:
    """Makes ``app`` answer every kind of failure in that shape."""
    app.add_exception_handler(InvalidInput, _invalid_input)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_middleware(CatchAll)


class CatchAll:
    """ASGI middleware: what nobody expected is logged, and answered without a trace."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:  # the server stops and waits no longer
            if scope["type"] != "http":
                raise
            if not started:
                response = error_response(
                    503, "The server is stopping.", code="stopping", hint="Try again in a few seconds."
                )
                await response(scope, receive, send)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            response = error_response(
                500,
                "Something went wrong in the server; its log tells what.",
                code="internal",
                hint="Please report it together with the request that led to it.",
            )
            await response(scope, receive, send)


async def _invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInput)
    return error_response(422, error.message, code=error.code, field=error.field, hint=error.hint)


async def _invalid_request(request: Request, error: Exception) -> Response:
    """The first thing that is wrong with the request, in plain words."""
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):
        given = request.headers.get("content-type", "none")
        return error_response(
            415,
            f"got content type {given[:60]}, expected application/json.",
            hint="Send the header Content-Type.",
        )
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        where = f"{found[0]['ctx']['error']} at character {found[0]['loc'][-1]}"
        return error_response(422, f"The body is not JSON: {where}.", code="json")
    field, message = first_wrong(found, error.body)
    return error_response(422, message, field=field)


def first_wrong(errors: Sequence[Mapping[str, Any]], body: object) -> tuple[str, str]:
    """The path of the first value that pydantic found wrong in ``body``, and why in plain words."""
    paths = [_path(each["loc"], body) for each in errors[:MOST_ERRORS]]
    # Alternatives are refused each at its own depth: what is wrong is where the deepest one stopped.
    path = max((path for path in paths if path.startswith(paths[0])), key=len)
    here = [each for each, its_path in zip(errors, paths, strict=False) if its_path == path]
    return path or "body", _in_words(here)


def _path(location: Sequence[int | str], body: object) -> str:
    """The value's path in the request, without the marks that pydantic adds for alternatives."""
    source, *parts = location
    if source != "body":
        return ".".join(map(str, parts))
    path: list[str] = []
    for number, part in enumerate(parts, 1):
        if isinstance(body, list) and isinstance(part, int) and part < len(body):
            body = body[part]
        elif isinstance(body, dict) and (part in body or number == len(parts)):
            body = body.get(part)
        else:
            continue
        path.append(str(part))
    return ".".join(path)


def _in_words(errors: Sequence[Mapping[str, Any]]) -> str:
    """What came and what is allowed; ``errors`` are those of one value, one for each alternative."""
    first = errors[0]
    if first["type"] in _ABSENT:
        return _ABSENT[first["type"]]
    expected = [
        _EXPECTED[error["type"]].format(**error.get("ctx", {}))
        if error["type"] in _EXPECTED
        else error["msg"].lower()
        for error in errors
    ]
    return f"got {show(first.get('input'))}, expected {' or '.join(dict.fromkeys(expected))}."


def show(value: object) -> str:
    """``value`` as an error may quote it: short, whatever came."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "an object"
        case list():
            return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


async def http_error(request: Request, error: Exception) -> Response:
    """What routing and handlers raise by status."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    given = error.detail if error.detail != HTTPStatus(status).phrase else ""
    if given == _UNREADABLE:
        given = "The body of the request cannot be read as JSON."
    message = _MESSAGES.get(status) or given or HTTPStatus(status).phrase
    return error_response(status, message, headers=dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this, but it is counted; a client that vanished is no failure of the server."""
    return error_response(400, "The request broke off before its end.", code="broken_off")
