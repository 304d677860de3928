"""Kinds of declared values: what a number or choice may be, and how a form shows it.

Rules, schedules, surfaces and tasks declare their settings as keyword-only arguments annotated with
a kind (``lr: Annotated[float, Real(...)] = 1e-3``). Forms, sliders, JSON schema, command-line flags,
checks and docs are derived from these declarations.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import torch

from optim_core.declare.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Real:
    """A finite number in [low, high]; sliders span ``slider`` on a linear or logarithmic scale."""

    label: str
    help: str
    low: float
    high: float
    slider: tuple[float, float]
    scale: Literal["linear", "log"] = "linear"
    symbol: str = ""  # LaTeX, as the formulas write it
    below: bool = False  # True: the value must stay strictly below `high`

    def check(self, value: object) -> float | torch.Tensor:
        if isinstance(value, torch.Tensor):
            for end in (value.min(), value.max()) if value.numel() else ():
                self.check(float(end))
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"got {_show(value)}, expected a number.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        inside = self.low <= number <= self.high and not (self.below and number == self.high)
        if not inside:  # also NaN
            upper = "below" if self.below else "at most"
            raise InvalidInput(
                f"got {_show(value)}, allowed is at least {self.low:g} and {upper} {self.high:g}."
            )
        return number

    def schema(self) -> dict[str, Any]:
        upper = "exclusiveMaximum" if self.below else "maximum"
        return {
            "type": "number",
            "minimum": self.low,
            upper: self.high,
            "x-slider": list(self.slider),
            "x-scale": self.scale,
            "x-symbol": self.symbol,
        }


@dataclass(frozen=True, kw_only=True)
class Integer:
    """A whole number in [low, high]."""

    label: str
    help: str
    low: int
    high: int
    slider: tuple[int, int]
    scale: Literal["linear", "log"] = "linear"
    symbol: str = ""

    def check(self, value: object) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not self.low <= value <= self.high:  # type: ignore[operator]
            raise InvalidInput(
                f"got {_show(value)}, allowed is a whole number from {self.low} to {self.high}."
            )
        return int(value)  # type: ignore[call-overload,no-any-return]

    def schema(self) -> dict[str, Any]:
        return {
            "type": "integer",
            "minimum": self.low,
            "maximum": self.high,
            "x-slider": list(self.slider),
            "x-scale": self.scale,
            "x-symbol": self.symbol,
        }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few words; ``options`` maps each word to the sentence that explains it.

    Where a yes or no has grown a third answer, True and False are options; their words are true and false.
    """

    label: str
    help: str
    options: Mapping[Any, str]  # by str or bool
    symbol: str = ""

    def check(self, value: object) -> str | bool:
        words: dict[str, str | bool] = {self.word(option): option for option in self.options}
        word = self.word(value) if isinstance(value, str | bool) else ""
        if word not in words:
            raise InvalidInput(f"got {_show(value)}, allowed is one of {', '.join(words)}.")
        return words[word]

    @staticmethod
    def word(option: object) -> str:
        """An option as forms and addresses spell it."""
        return str(option).lower() if isinstance(option, bool) else str(option)

    def schema(self) -> dict[str, Any]:
        words = {self.word(option): text for option, text in self.options.items()}
        return {"type": "string", "enum": list(words), "x-options": words}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """Yes or no."""

    label: str
    help: str
    symbol: str = ""

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise InvalidInput(f"got {_show(value)}, allowed is true or false.")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


Kind = Real | Integer | Choice | Flag


@dataclass(frozen=True)
class Setting:
    """One declared value: its name, its kind and its default."""

    name: str
    kind: Kind
    default: Any


def declared(function: Callable[..., Any], services: frozenset[str] = frozenset()) -> dict[str, Setting]:
    """The settings that ``function`` declares as annotated keyword-only arguments.

    ``services`` are keyword-only arguments that a runner supplies, and so not settings.
    Raises TypeError for one without a kind or a default: our own mistake, found at load time.
    """
    hints = get_type_hints(function, include_extras=True)
    settings = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or name in services:
            continue
        kinds = [k for k in getattr(hints.get(name), "__metadata__", ()) if isinstance(k, Kind)]
        if len(kinds) != 1 or parameter.default is inspect.Parameter.empty:
            raise TypeError(
                f"{function.__module__}.{function.__qualname__}: keyword-only argument {name!r} needs"
                " one kind (Annotated[float, Real(...)]) and a default"
            )
        kinds[0].check(parameter.default)
        settings[name] = Setting(name, kinds[0], parameter.default)
    return settings


def complete(settings: Mapping[str, Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` checked against its declarations and filled up with defaults.

    Raises InvalidInput, naming the setting, for an unknown name or a value out of bounds.
    """
    for name in given:
        if name not in settings:
            allowed = ", ".join(settings) or "none"
            raise InvalidInput(
                f"there is no setting {_show(name)} here; known: {allowed}.",
                code="unknown_setting",
                field=name[:40],
            )
    values = {}
    for name, setting in settings.items():
        try:
            values[name] = setting.kind.check(given[name]) if name in given else setting.default
        except InvalidInput as error:
            raise error.within(name) from None
    return values


def schema(settings: Mapping[str, Setting]) -> dict[str, Any]:
    """JSON schema of an object that holds these settings, with ``x-`` hints for forms."""
    properties = {
        name: setting.kind.schema()
        | {"title": setting.kind.label, "description": setting.kind.help, "default": _word(setting)}
        for name, setting in settings.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _word(setting: Setting) -> Any:
    """The default as the schema spells it."""
    return setting.kind.word(setting.default) if isinstance(setting.kind, Choice) else setting.default


def _show(value: object) -> str:
    """``value`` as an error may quote it: short, whatever came."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
