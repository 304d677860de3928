"""Ids of runs: short, since cursors hold them."""

from __future__ import annotations

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
LENGTH = 9


def new_id() -> str:
    """An id that nobody has."""
    return "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
