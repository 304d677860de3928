"""Who asks: whoever returned a cookie or shows a token of their own; anybody else is their address.

On a server that asks for a token everybody sees all runs and changes their own; whoever holds the
instructor's token may change all, and no limit of one visitor holds for them. What was made by an address
the instructor alone may change: others may share it. On one's own machine whoever asks may do everything.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from app.access.guesses import Guesses
from app.access.personal import PersonalTokens
from app.http.refusals import Refusal
from app.settings import Settings
from app.store import PersonalToken, Run

REMEMBERED = 10_000  # visitors whose pace is known
COOKIE_DAYS = 30
BURST_SECONDS = 10  # over which the pace is averaged
# Of one address: a class sits behind one router.
AS_MANY_VISITORS = 20  # may send from it at full pace
NEWCOMERS, NEWCOMERS_SECONDS = 300, 60.0  # that get a name, within so long


@dataclass(frozen=True)
class Visitor:
    """A browser or a script. ``id`` tells it from others and is no secret."""

    id: str
    instructor: bool = False
    known: bool = True  # by a cookie or a token of its own; else ``id`` is that of its address
    place: str = ""  # its address, as a public name
    cookie: str = ""  # to be set, where the browser has none
    next_id: str = ""  # its ``id`` once it returns that

    @property
    def page_id(self) -> str:
        """Who the scripts of a page will be that is sent now."""
        return self.next_id or self.id

    def check_owns(self, run: Run) -> None:
        """Raises Refusal for a run of somebody else, or of an address that others may share."""
        if self.instructor or (self.known and run.owner == self.id):
            return
        if run.owner == self.id:
            raise Refusal(
                403,
                "nobodys",
                "The run was started without a token of one's own, so the instructor alone may change it.",
                "Get a token of your own (POST /api/tokens, or 'Tokens for scripts' below a page), and start"
                " runs with it.",
            )
        raise Refusal(
            403,
            "not_yours",
            "The run belongs to somebody else: you can watch it, and clone it.",
            "Only who started it, or the instructor, may change it.",
        )

    def check_delivers(self, run: Run) -> None:
        """The same for what a run's producer sends, who may go by the address alone."""
        if run.owner != self.id:
            self.check_owns(run)


class Visitors:
    """Knows visitors again, and how much each asks for."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self.guesses = Guesses()
        self.personal = PersonalTokens(settings.token)
        self._cookie_name = cookie_name("optimscope_visitor", settings)
        self._key = hmac.new(settings.token.encode(), b"optimscope visitors", sha256).digest()
        most = settings.limits.requests
        self._pace = Pace(most, most * BURST_SECONDS)
        self._pace_of_address = Pace(most * AS_MANY_VISITORS, most * AS_MANY_VISITORS * BURST_SECONDS)
        self._newcomers = Pace(NEWCOMERS / NEWCOMERS_SECONDS, NEWCOMERS)

    def cookie(self, visitor: Visitor, *, secure: bool) -> str:
        """The header that gives a new browser its cookie, or nothing."""
        if not visitor.cookie:
            return ""
        path = f"{self._settings.root_path}/"
        last = f"Max-Age={COOKIE_DAYS * 86400}; Path={path}; HttpOnly; SameSite=Strict"
        return f"{self._cookie_name}={visitor.cookie}; {last}{'; Secure' if secure else ''}"

    def know(
        self, request: HTTPConnection, *, instructor: bool, personal: PersonalToken | None = None
    ) -> Visitor:
        """Whoever sent ``request``; a browser that is new here is offered a cookie."""
        address = request.client.host if request.client else ""
        if not self._settings.token:
            return Visitor(address, instructor=True, place=address)
        place = _public(address)
        if personal:
            return Visitor(personal.owner, instructor, place=place)
        name, _, proof = request.cookies.get(self._cookie_name, "").partition(".")
        if name and hmac.compare_digest(proof.encode(), self._proof(name).encode()):
            return Visitor(_public(name), instructor, place=place)
        stranger = Visitor(place, instructor, known=False, place=place)
        if "text/html" in request.headers.get("accept", "") and self.welcomes(stranger):
            name = secrets.token_urlsafe(12)
            return replace(stranger, cookie=f"{name}.{self._proof(name)}", next_id=_public(name))
        return stranger

    def welcomes(self, visitor: Visitor) -> bool:
        """Whether one more may get a name where the visitor comes from; counts it."""
        return visitor.instructor or self._newcomers.keeps(visitor.place, time.monotonic())

    def too_fast(self, visitor: Visitor, *, now: float | None = None) -> bool:
        """Counts a request; whether the visitor has sent more than ``limits.requests`` a second."""
        now = time.monotonic() if now is None else now
        paces = self._pace.keeps(visitor.id, now), self._pace_of_address.keeps(visitor.place, now)
        return not (all(paces) or visitor.instructor)

    def _proof(self, name: str) -> str:
        """What only this server can write behind a name."""
        return hmac.new(self._key, name.encode(), sha256).hexdigest()[:32]


class Pace:
    """So many a second of each, with ``burst`` to spare."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, float(burst)
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()  # to spare, when

    def keeps(self, who: str, now: float) -> bool:
        """Counts one more; whether it was within the pace."""
        spare, then = self._known.pop(who, (self._burst, now))
        spare = min(spare + (now - then) * self._rate, self._burst) - 1.0
        self._known[who] = max(spare, 0.0), now
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return spare >= 0.0


def share_of_address(most: int) -> int:
    """How much one address may have of what there is for all: others find something left."""
    return max(most * 3 // 4, 1)


def new_name() -> str:
    """The public name of somebody new."""
    return _public(secrets.token_urlsafe(12))


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
