"""Which columns somebody wants: names with * for anything, separated by commas."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from fastapi import Query

from optim_core.declare.errors import InvalidInput

MOST_PATTERNS = 200
LONGEST = 8_000  # characters of all patterns

ColumnsText = Annotated[
    str,
    Query(
        max_length=LONGEST,
        description="Columns: names or patterns with * and ?, separated by commas (loss,*/weight_norm).",
    ),
]


@dataclass(frozen=True)
class Columns:
    """The columns that match one of the patterns."""

    patterns: tuple[str, ...] = ("*",)

    @classmethod
    def of(cls, patterns: Sequence[str] | None) -> Columns:
        """These names or patterns, or all columns; raises InvalidInput for too many."""
        if patterns is None:
            return cls()
        if len(patterns) > MOST_PATTERNS or sum(map(len, patterns)) > LONGEST:
            raise InvalidInput(
                f"got {len(patterns)} patterns, allowed are at most {MOST_PATTERNS}"
                f" of together {LONGEST} characters.",
                code="limit",
                field="columns",
                hint="Use * for many columns at once.",
            )
        return cls(tuple(dict.fromkeys(patterns)))

    @cached_property
    def _matcher(self) -> re.Pattern[str]:
        return re.compile("|".join(fnmatch.translate(pattern) for pattern in self.patterns))

    def __call__(self, name: str) -> bool:
        return self.patterns == ("*",) or self._matcher.match(name) is not None


def columns(text: str) -> Columns:
    """The patterns in ``text``; raises InvalidInput."""
    return Columns.of([part.strip() for part in text.split(",") if part.strip()] or None)
