"""Tokens and the cookie that remembers one: made up and kept, signing in and out, wrong guesses."""

from __future__ import annotations

import hmac
import logging
import secrets
from contextlib import suppress
from hashlib import sha256
from html import escape
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.access.visitors import Visitors, cookie_name
from app.http.errors import error_response
from app.settings import SHORTEST_INSTRUCTORS_TOKEN, SHORTEST_TOKEN, Settings

log = logging.getLogger("optimscope")

COOKIE_DAYS = 30
KEPT_IN, INSTRUCTORS = "token", "instructor-token"


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(24)


def kept_token(folder: Path, name: str = KEPT_IN) -> str:
    """The token made up for the server in ``folder``: a restart sends nobody away."""
    path, shortest = folder / name, SHORTEST_INSTRUCTORS_TOKEN if name == INSTRUCTORS else SHORTEST_TOKEN
    with suppress(OSError):
        if len(token := path.read_text().strip()) >= shortest:
            return token
    token = new_token()
    with suppress(OSError):  # a folder that cannot be written is told of by the store
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(f"{token}\n")
    return token


def is_same(given: str, expected: str) -> bool:
    """Compares in a time that does not depend on how much of it is right."""
    return hmac.compare_digest(given.encode(), expected.encode())


def too_many_guesses(visitors: Visitors, address: str) -> Response | None:
    """The answer to any token from where too many wrong ones came."""
    wait = round(visitors.guesses.wait(address) + 0.5)
    if not wait:
        return None
    return error_response(
        429,
        "Too many wrong tokens came from there.",
        code="guesses",
        hint=f"Wait {wait} seconds. Whoever started the server can look the token up in its terminal.",
        headers={"Retry-After": str(wait)},
    )


def note_wrong_token(visitors: Visitors, address: str) -> None:
    """Counts and logs one."""
    visitors.guesses.wrong(address)
    log.warning("a wrong token came from %s", address)


def known_tokens(settings: Settings) -> list[str]:
    """The tokens that let people in."""
    return [token for token in (settings.token, settings.instructor_token) if token]


def sign_in(request: Request, settings: Settings, token: str, target: str) -> Response:
    """Sends a visitor who showed ``token`` to ``target``, with the cookie that remembers it.

    A page that goes on by itself, not a redirect: after a click in another site's page (a course's, a
    mail's) browsers keep SameSite=Strict cookies back from redirects.
    """
    safe = escape(settings.root_path + local_path(target))
    response = HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Optimscope</title>'
        f'<link rel="icon" href="data:,">'
        f'<meta http-equiv="refresh" content="0;url={safe}">'
        f'<p>Signed in. <a href="{safe}">Go on</a></p></html>'
    )
    response.set_cookie(
        _cookie_name(settings),
        cookie_value(token),
        max_age=COOKIE_DAYS * 86400,
        httponly=True,
        samesite="strict",
        path=f"{settings.root_path}/",
        secure=by_tls(request),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def by_tls(request: Request) -> bool:
    """Whether the browser speaks TLS, with the server or with a proxy that may not tell."""
    return "https" in (request.url.scheme, request.headers.get("origin", "").partition(":")[0])


def local_path(target: str) -> str:
    """``target`` if it is a path on this server, else the first page."""
    if not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return "/"
    return quote(target, safe="/?&=%#:;,@!$'()*+~-._")


def sign_out(settings: Settings) -> Response:
    """Takes the cookie back and leads to the way in."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(
        _cookie_name(settings), path=f"{settings.root_path}/", httponly=True, samesite="strict"
    )
    return response


def _cookie_name(settings: Settings) -> str:
    return cookie_name("optimscope", settings)


def cookie_value(token: str) -> str:
    """Derived from the token, so that the cookie does not give it away."""
    return hmac.new(token.encode(), b"optimscope cookie", sha256).hexdigest()


def shown_cookie(headers: Headers, settings: Settings) -> str:
    """The value of the cookie that a request brings; empty if it has none that can be read."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(settings))
    except CookieError:
        return ""
    return found.value if found else ""
