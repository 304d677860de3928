"""What theory expects of a run: the rule's declared decay rate and angle, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optim_core.arithmetic import Array
from optim_core.catalogue import rules
from optim_core.declare.errors import InvalidInput
from optim_core.recording import Event, Series
from optim_core.rule import Rule

Numbers: TypeAlias = NDArray[np.float64]
Steps: TypeAlias = NDArray[np.int64]

EXPECTED: Mapping[str, Callable[[Rule], Callable[[Mapping[str, Any]], Array | None]]] = {
    "expected_decay_rate": lambda rule: rule.expected_decay_rate,
    "expected_angle": lambda rule: rule.expected_angle,
}
SETTINGS = ("lr", "weight_decay")  # the columns from which they follow


@dataclass(frozen=True)
class Theory:
    """Of one run: its rule, the hyperparameters it began with, and who changed what after which step."""

    rule: Rule
    hyper: Mapping[str, Any]
    changes: tuple[tuple[int, str, Any], ...] = ()
    penalised: bool = False  # the loss itself holds a penalty: no theory of the rule's knows of it

    @classmethod
    def of(cls, about: Mapping[str, Any], events: Iterable[Event] = ()) -> Theory | None:
        """The theory of a run as its recording tells of it; None where its rule or settings are not known."""
        rule, config = rules().get(about.get("optimizer") or ""), about.get("config") or {}
        hyper = config.get("hyper")
        if rule is None or not isinstance(hyper, Mapping):
            return None
        try:
            known = rule.complete({name: value for name, value in hyper.items() if name in rule.settings})
        except InvalidInput:
            return None
        return cls(rule, known, tuple(_changes(rule, events)), bool(config.get("l2_in_loss")))

    def names(self) -> list[str]:
        """The columns that the rule declares under these settings."""
        one = np.ones(1)
        return list(self.columns(one.astype(np.int64), one, one, wanted=lambda name: True))

    def columns(
        self,
        steps: Steps,
        lr: Numbers,
        weight_decay: Numbers,
        *,
        wanted: Callable[[str], bool],
        **services: Numbers,
    ) -> dict[str, Numbers]:
        """Those of `EXPECTED` that are wanted and declared, at these steps with their own η and λ.

        ``services`` are what else is known of the steps: ``schedule_factor``, ``param_norm``.
        """
        found: dict[str, Numbers] = {}
        for rows, hyper in self._stretches(steps):
            known = {**hyper, **{name: values[rows] for name, values in services.items()}}
            known |= {
                "step": steps[rows].astype(np.float64),
                "lr": lr[rows],
                "weight_decay": weight_decay[rows],
            }
            with np.errstate(all="ignore"):
                known.setdefault("schedule_factor", lr[rows] / hyper["lr"])
                for name in filter(wanted, EXPECTED):
                    told = EXPECTED[name](self.rule)(known)
                    if told is not None and not (name == "expected_angle" and self.penalised):
                        found.setdefault(name, np.full(len(steps), np.nan))[rows] = told
        if "expected_angle" in found:  # without decay nothing balances the growth
            found["expected_angle"][weight_decay == 0.0] = np.nan
        return found

    def _stretches(self, steps: Steps) -> Iterator[tuple[slice, Mapping[str, Any]]]:
        """Rows between two changes by hand, with the hyperparameters that hold there."""
        hyper, first = dict(self.hyper), 0
        for after, name, value in self.changes:
            row = int(np.searchsorted(steps, after, side="right"))
            if row > first:
                yield slice(first, row), dict(hyper)
                first = row
            hyper[name] = value
        yield slice(first, len(steps)), hyper


def expected(
    about: Mapping[str, Any],
    series: Mapping[str, Series],
    events: Iterable[Event],
    wanted: Callable[[str], bool] = lambda name: True,
) -> dict[str, Series]:
    """The wanted columns of `EXPECTED`, at every step at which η or λ was measured; none without both."""
    if not all(name in series and len(series[name]) for name in SETTINGS):
        return {}
    theory = Theory.of(about, events)
    if theory is None:
        return {}
    lr, weight_decay = (series[name] for name in SETTINGS)
    steps = (
        lr.steps if np.array_equal(lr.steps, weight_decay.steps) else np.union1d(lr.steps, weight_decay.steps)
    )
    found = theory.columns(steps, _at(steps, lr), _at(steps, weight_decay), wanted=wanted)
    return {name: Series(steps, values) for name, values in found.items()}


def _at(steps: Steps, series: Series) -> Numbers:
    """A column at any steps: on the line between its neighbours, and beyond its ends what the end was."""
    values = series.values.astype(np.float64)
    return values if len(values) == len(steps) else np.interp(steps, series.steps, values)


def _changes(rule: Rule, events: Iterable[Event]) -> Iterator[tuple[int, str, Any]]:
    """Settings that were changed by hand: the last step before it, the name, the new value."""
    for event in events:
        name, after = event.get("name"), event.get("step")
        if event.get("kind") != "setting" or "to" not in event or not isinstance(after, int | float):
            continue
        try:
            yield int(after), str(name), rule.complete({str(name): event["to"]})[str(name)]
        except InvalidInput:  # of a program that knows other settings
            continue
