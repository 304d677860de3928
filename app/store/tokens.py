"""What is kept of a token of a visitor's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PersonalToken:
    """Never the token itself."""

    id: str
    digest: str
    owner: str  # a visitor's public name
    name: str
    created: float
