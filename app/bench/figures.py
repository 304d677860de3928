"""Measured numbers beside what they should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number and what it should be."""

    what: str
    value: float
    unit: str
    target: float
    at_least: bool  # else at most

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target


def table(figures: list[Figure]) -> str:
    """The figures as lines of text, each beside its target."""
    lines = []
    for figure in figures:
        sign, verdict = ("≥" if figure.at_least else "≤"), ("met" if figure.met else "missed")
        lines.append(
            f"{figure.what:<52} {figure.value:10.4g} {figure.unit:<20}"
            f" target {sign} {figure.target:g}: {verdict}"
        )
    return "\n".join(lines)
