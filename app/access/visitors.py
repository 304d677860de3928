"""Who asks: each browser is known by a cookie of its own, a script by its address.

On a server that asks for a token everybody sees all runs and changes their own; whoever holds the
instructor's token may change all, and no limit of one visitor holds for them. On one's own machine
whoever asks may do everything.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from app.access.guesses import Guesses
from app.http.refusals import Refusal
from app.settings import Settings
from app.store import Run

REMEMBERED = 10_000  # visitors whose pace is known
COOKIE_DAYS = 30
BURST_SECONDS = 10  # over which the pace is averaged


@dataclass(frozen=True)
class Visitor:
    """A browser or a script. ``id`` tells it from others and is no secret."""

    id: str
    instructor: bool = False
    cookie: str = ""  # to be set, where the browser has none

    def check_owns(self, run: Run) -> None:
        """Raises Refusal for a run of somebody else."""
        if not (self.instructor or run.owner == self.id):
            raise Refusal(
                403,
                "not_yours",
                "The run belongs to somebody else: you can watch it, and clone it.",
                "Only who started it, or the instructor, may change it.",
            )


class Visitors:
    """Knows visitors again, and how much each asks for."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self.guesses = Guesses()
        self._cookie_name = cookie_name("optimscope_visitor", settings)
        self._key = hmac.new(settings.token.encode(), b"optimscope visitors", sha256).digest()
        self._paces: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests to spare, when

    def cookie(self, visitor: Visitor, *, secure: bool) -> str:
        """The header that gives a new browser its cookie, or nothing."""
        if not visitor.cookie:
            return ""
        last = f"Max-Age={COOKIE_DAYS * 86400}; Path=/; HttpOnly; SameSite=Strict"
        return f"{self._cookie_name}={visitor.cookie}; {last}{'; Secure' if secure else ''}"

    def know(self, request: HTTPConnection, *, instructor: bool) -> Visitor:
        """Whoever sent ``request``; a browser that is new here is given a cookie."""
        address = request.client.host if request.client else ""
        if not self._settings.token:
            return Visitor(address, instructor=True)
        name, _, proof = request.cookies.get(self._cookie_name, "").partition(".")
        if name and hmac.compare_digest(proof.encode(), self._proof(name).encode()):
            return Visitor(_public(name), instructor)
        if "text/html" in request.headers.get("accept", ""):
            name = secrets.token_urlsafe(12)
            return Visitor(_public(name), instructor, f"{name}.{self._proof(name)}")
        return Visitor(_public(address), instructor)

    def too_fast(self, visitor: Visitor, *, now: float | None = None) -> bool:
        """Counts a request; whether the visitor has sent more than ``limits.requests`` a second."""
        most = self._settings.limits.requests
        now = time.monotonic() if now is None else now
        spare, then = self._paces.pop(visitor.id, (float(most * BURST_SECONDS), now))
        spare = min(spare + (now - then) * most, float(most * BURST_SECONDS)) - 1.0
        self._paces[visitor.id] = max(spare, 0.0), now
        if len(self._paces) > REMEMBERED:
            self._paces.popitem(last=False)
        return spare < 0.0 and not visitor.instructor

    def _proof(self, name: str) -> str:
        """What only this server can write behind a name."""
        return hmac.new(self._key, name.encode(), sha256).hexdigest()[:32]


def cookie_name(prefix: str, settings: Settings) -> str:
    """One for each server: browsers share cookies between the ports of a host."""
    return f"{prefix}_{sha256(f'{settings.port} {settings.token}'.encode()).hexdigest()[:10]}"


def _public(name: str) -> str:
    """A name that may be shown, from which the cookie cannot be made."""
    return sha256(name.encode()).hexdigest()[:8]


async def _asking(request: Request) -> Visitor:
    visitor: Visitor = request.scope["visitor"]
    return visitor


Asking = Annotated[Visitor, Depends(_asking)]
