"""What can be said of runs: one form for sentences under pictures, for checks and for verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any, Literal, TypeAlias

import optim_core.findings  # noqa: F401 -- first: importing a subpackage later would hide a function of its name
from optim_core.catalogue import rules
from optim_core.declare.registry import Catalogue
from optim_core.derive import derived
from optim_core.recording import Recording
from optim_core.wording import fill, places, plain_name

Severity = Literal["fault", "risk", "information"]
Key: TypeAlias = int | str  # of a run: its place in a request, or its id
Runs: TypeAlias = Mapping[Key, Recording]


@dataclass(frozen=True)
class ColumnAt:
    """A number that is a run's column at a step: whoever shows another step takes its value there."""

    run: Key
    column: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that can be said.

    code       the check's name, and after a dot which of its sentences
    run, step, tensor  what it is about, where that is one
    value, threshold   what was measured, and what it was held against
    numbers    what the sentence names
    text       the sentence; ``template`` is the same with places for the numbers, runs and words
    advice     what to try; ``source``: who says so
    runs       names in the template that stand for runs; ``words``: those that stand for other texts
    columns    numbers that other steps have too, and the range of these ``steps``; else none
    """

    code: str
    severity: Severity
    run: Key | None = None
    step: int | None = None
    tensor: str | None = None
    value: float | None = None
    threshold: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    text: str = ""
    advice: str = ""
    source: str = ""
    template: str = ""
    runs: Mapping[str, Key] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, ColumnAt] = field(default_factory=dict)
    steps: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {**vars(self), "columns": {name: asdict(column) for name, column in self.columns.items()}}


@dataclass(frozen=True, kw_only=True)
class Check:
    """The declaration that ends a file of `optim_core.findings`; the file's name is its code.

    find      from runs of one kind by key to what is found, a pure function; each finding's ``code`` names
              one of the sentences
    texts     the sentences by name, templates as `optim_core.wording` fills them
    about     the kind of recordings that it looks at
    columns   which of their columns it needs, names or patterns; derived ones too
    order     place among all that is said
    """

    find: Callable[[Runs], Iterable[Finding]]
    texts: Mapping[str, str]
    about: Literal["trajectory", "train"]
    columns: Sequence[str]
    order: int = 0
    code: str = ""  # bound by the registry

    def named(self, name: str, module: object) -> Check:
        """The check under its file's name."""
        return replace(self, code=name)

    def needs(self, column: str) -> bool:
        """Whether it reads this column."""
        return any(fnmatchcase(column, pattern) for pattern in self.columns)

    def of(self, runs: Runs, labels: Mapping[Key, str]) -> list[Finding]:
        """What it finds in these recordings, which have the columns that it needs, said with these names."""
        return [self._said(found, labels) for found in self.find(runs)]

    def _said(self, found: Finding, labels: Mapping[Key, str]) -> Finding:
        template = self.texts[found.code]
        names = {place: labels[run] for place, run in found.runs.items()}
        values = {**found.numbers, **found.words, **names}
        assert values.keys() == places(template).keys(), f"{self.code}.{found.code} names {values.keys()}"
        text = fill(template, values)
        return replace(found, code=f"{self.code}.{found.code}", template=template, text=text)


@cache
def checks() -> Mapping[str, Check]:
    """Every check by code, in the order in which they speak."""
    found = Catalogue("optim_core.findings", "FINDING", Check, noun="finding").all()
    return dict(sorted(found.items(), key=lambda item: item[1].order))


def find(runs: Runs, about: str, labels: Mapping[Key, str] | None = None) -> list[Finding]:
    """All that can be said of these runs of one kind, ``about``."""
    named = labels or labels_of(runs)
    ready = {key: derived(recording, lambda name: needed(about, name)) for key, recording in runs.items()}
    return [one for check in checks().values() if check.about == about for one in check.of(ready, named)]


@lru_cache(maxsize=4096)  # asked of every column of every answer
def needed(about: str, column: str) -> bool:
    """Whether one of the checks of recordings of this kind reads the column."""
    return any(check.needs(column) for check in checks().values() if check.about == about)


def labels_of(runs: Runs) -> dict[Key, str]:
    """What to call each run: by its own name or its optimizer's, and numbered where that is not enough."""
    names = {key: _name(recording) for key, recording in runs.items()}
    counted: dict[str, int] = {}
    labels = {}
    for key, name in names.items():
        counted[name] = counted.get(name, 0) + 1
        labels[key] = f"{name} {counted[name]}" if list(names.values()).count(name) > 1 else name
    return labels


def _name(recording: Recording) -> str:
    optimizer = str(recording.about.get("optimizer", ""))
    rule = rules().get(optimizer)
    return plain_name(str(recording.about.get("name") or (rule.title if rule else optimizer)))
