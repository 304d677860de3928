"""Measured numbers beside what they should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number and, where there is a target, what it should be."""

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False  # else at most

    @property
    def met(self) -> bool:
        """Whether the target, if there is one, is reached."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


def table(figures: list[Figure]) -> str:
    """The figures as lines of text, each beside its target."""
    lines = []
    for figure in figures:
        line = f"{figure.what:<52} {figure.value:10.4g} {figure.unit:<20}"
        if figure.target is not None:
            sign, verdict = ("≥" if figure.at_least else "≤"), ("met" if figure.met else "missed")
            line += f" target {sign} {figure.target:g}: {verdict}"
        lines.append(line.rstrip())
    return "\n".join(lines)
