"""Who may talk to the server: host names, origins, the token; and the headers that guard the pages."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.tokens import (
    by_tls,
    cookie_value,
    is_same,
    known_tokens,
    note_wrong_token,
    shown_cookie,
    sign_in,
    too_many_guesses,
)
from app.access.visitors import Visitor, Visitors
from app.http.errors import error_response
from app.settings import Settings, is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STREAMS = frozenset({"/api/stream"})  # what other sites may not open either: each holds a connection
# What a visitor without the token may see: the way in, and what that page loads.
OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz", "/favicon.svg", "/favicon.ico"})
OPEN_FOLDER = "/static/"


class AccessMiddleware:
    """ASGI middleware: refuses strange hosts, foreign origins and missing tokens; adds the headers.

    What it lets pass has a ``visitor`` in its scope. ``worker_token`` is what our own workers show.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        visitors: Visitors,
        worker_token: str,
        explain: Callable[[Request, Response], Response],
    ):
        self._app = app
        self._settings = settings
        self._visitors = visitors
        own = {settings.token: False, settings.instructor_token: True, worker_token: True}
        self._tokens = {token: instructor for token, instructor in own.items() if token}
        self._worker_token = worker_token
        self._explain = explain  # to people, what headers led to a refusal
        self._hosts = _own_names(settings)
        self._headers = _headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        request, cookie = Request(scope, receive), ""
        refused = self._refusal(request)
        if refused and "text/html" in request.headers.get("accept", ""):
            refused = self._explain(request, refused)
        refused = refused or self._guess(request)
        if not refused:
            personal = self._visitors.personal.find(_bearer(request.headers))
            instructor = False if personal else self._shown(request)
            visitor = self._visitors.know(request, instructor=bool(instructor), personal=personal)
            scope["visitor"] = visitor
            cookie = self._visitors.cookie(visitor, secure=by_tls(request))
            refused = self._admission(request, instructor) or self._pace(request, visitor)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if b"token=" in scope["query_string"]:
                    headers["Referrer-Policy"] = "no-referrer"
                if cookie:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await (refused or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """What comes under a strange name, or from another site."""
        host = request.headers.get("host", "")
        if not self._is_own(host):
            return error_response(
                400,
                f"This server does not go by the name {host[:80]!r}.",
                code="host",
                hint="Start it with OPTIMSCOPE_HOSTS set to the names in use, separated by commas.",
            )
        guarded = request.method not in SAFE_METHODS or request.url.path in STREAMS
        if guarded and not self._same_origin(request, host):
            origin = request.headers.get("origin", "")
            return error_response(
                403,
                "Requests that come from pages of another site are refused:"
                f" this one came from {origin[:80]!r}, and asked for {host[:80]!r}.",
                code="origin",
                hint="Open the page under this server's own address; a proxy in front must pass Host on.",
            )
        return None

    def _guess(self, request: Request) -> Response | None:
        """Counts wrong tokens; who showed too many waits, also with a right one, but not with a cookie."""
        given = [_bearer(request.headers), _in_link(request)]
        if not (self._settings.token and any(given)) or self._by_cookie(request) is not None:
            return None
        if is_same(given[0], self._worker_token) or self._visitors.personal.find(given[0]):
            return None
        address = request.client.host if request.client else ""
        if refused := too_many_guesses(self._visitors, address):
            return refused
        if not any(is_same(each, token) for each in given for token in self._tokens):
            note_wrong_token(self._visitors, address)
        return None

    def _pace(self, request: Request, visitor: Visitor) -> Response | None:
        """Who asks too much too fast has to wait; files are no work."""
        if request.url.path.startswith(OPEN_FOLDER) or not self._visitors.too_fast(visitor):
            return None
        most = self._settings.limits.requests
        return error_response(
            429,
            f"Too many requests, allowed are at most {most} a second.",
            code="too_fast",
            hint="Wait a second, or start the server with OPTIMSCOPE_MAX_REQUESTS set higher.",
            headers={"Retry-After": "1"},
        )

    def _same_origin(self, request: Request, host: str) -> bool:
        """Whether a page of this server sent the request, or no page at all (curl, a script)."""
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        scheme, _, name = origin.lower().partition("://")
        # A proxy that speaks TLS may not tell; a page without TLS is never one of a server that has it.
        return name == host.lower() and scheme in (request.url.scheme, "https")

    def _is_own(self, host: str) -> bool:
        name = _name(host)
        if is_loopback(name) or name in self._hosts or "*" in self._hosts:
            return True
        if self._settings.is_local:
            return False
        try:  # an address is no name that a foreign site could point here (DNS rebinding)
            return bool(ip_address(name))
        except ValueError:
            return False

    def _shown(self, request: Request) -> bool | None:
        """Whether the token that the request shows is an instructor's; None if it shows none of ours."""
        given = _bearer(request.headers)
        found = [instructor for token, instructor in self._tokens.items() if is_same(given, token)]
        by_cookie = self._by_cookie(request)
        return max([*found, *([] if by_cookie is None else [by_cookie])], default=None)

    def _by_cookie(self, request: Request) -> bool | None:
        """The same for its cookie."""
        cookie = shown_cookie(request.headers, self._settings)
        found = [
            instructor for token, instructor in self._tokens.items() if is_same(cookie, cookie_value(token))
        ]
        return max(found, default=None)

    def _admission(self, request: Request, instructor: bool | None) -> Response | None:
        """What those get who may not pass: sign-in with the token in the link, the login page, 401."""
        settings, path = self._settings, request.url.path
        if not settings.token or path in OPEN_PATHS or path.startswith(OPEN_FOLDER):
            return None
        shown = _in_link(request)
        for token in known_tokens(settings):
            if is_same(shown, token):
                if instructor:  # the link for the class takes no rights from who opens it
                    token = settings.instructor_token or token
                return _admit(request, settings, token)
        if instructor is not None:
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?{urlencode({'next': _without_token(request)})}", 303)
        return error_response(
            401,
            "This server asks for a token.",
            hint="Send it as 'Authorization: Bearer …', or sign in at /login.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _admit(request: Request, settings: Settings, token: str) -> Response:
    return sign_in(request, settings, token, _without_token(request))


def _without_token(request: Request) -> str:
    rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != "token"]
    return request.url.path + (f"?{urlencode(rest)}" if rest else "")


def _bearer(headers: Headers) -> str:
    """The token that a script shows."""
    bearer = headers.get("authorization", "")
    return bearer[7:] if bearer[:7].lower() == "bearer " else headers.get("x-optimscope-token", "")


def _in_link(request: Request) -> str:
    return request.query_params.get("token", "") if request.method == "GET" else ""


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _own_names(settings: Settings) -> frozenset[str]:
    names = {*settings.hosts, _name(urlsplit(settings.url).netloc)}
    if not settings.is_local:
        names |= {
            settings.host.lower(),
            socket.gethostname().lower(),
            socket.getfqdn().lower(),
        }
    return frozenset(names - {""})


def _headers(settings: Settings) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # Plotly writes style elements
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": settings.frame_ancestors,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # no-referrer would make forms send "Origin: null"
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if settings.frame_ancestors == "'none'":
        headers["X-Frame-Options"] = "DENY"
    return headers
