"""Tokens of visitors' own: they let a script in and say whose it is, until they are revoked."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256

from app.store import PersonalToken

PREFIX = "osp_"  # by which people, and scanners of repositories, know them
MOST_OF_ONE, MOST = 20, 10_000


class PersonalTokens:
    """Those that are valid. Where the room has another ``token`` than before, none of before is."""

    def __init__(self, token: str):
        self._key = token.encode()
        self._known: dict[str, PersonalToken] = {}  # by digest, the oldest first

    def load(self, tokens: Iterable[PersonalToken]) -> None:
        """Takes up what is kept."""
        self._known = {token.digest: token for token in sorted(tokens, key=lambda token: token.created)}

    def make(self, owner: str, name: str, now: float) -> tuple[str, PersonalToken]:
        """A new token, and what is to be kept of it; valid once it is given to `add`."""
        token = PREFIX + secrets.token_urlsafe(24)
        return token, PersonalToken(secrets.token_hex(4), self._digest(token), owner, name, now)

    def add(self, token: PersonalToken) -> None:
        """From now on it lets in."""
        self._known[token.digest] = token

    def revoke(self, token: PersonalToken) -> None:
        """From now on it does not."""
        self._known.pop(token.digest, None)

    def find(self, token: str) -> PersonalToken | None:
        """What is known of a token that somebody shows; looked up by its digest."""
        return self._known.get(self._digest(token)) if token.startswith(PREFIX) else None

    def all(self) -> list[PersonalToken]:
        """All that are valid, the oldest first."""
        return list(self._known.values())

    def of(self, owner: str) -> list[PersonalToken]:
        """Those of one visitor."""
        return [token for token in self._known.values() if token.owner == owner]

    def _digest(self, token: str) -> str:
        return hmac.new(self._key, token.encode(), sha256).hexdigest()
