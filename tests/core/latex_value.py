r"""The value of a displayed equation: a small reader of the LaTeX that rule files use.

Sums, products by juxtaposition, ``\frac``, ``\sqrt``, powers, ``\max`` and ``\min``, absolute values
and norms, cases, and upright words such as ``\mathrm{sign}(…)``. A name is a letter or Greek command
with its subscript, spelled without braces: ``m_{t-1}`` is ``m_t-1``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_TOKEN = re.compile(
    r"\s*(\\begin\{cases\}|\\end\{cases\}|\\text\{[^}]*\}|\\mathrm\{[^}]*\}|\\\\|\\[a-zA-Z]+"
    r"|\d+(?:\.\d+)?|[a-zA-Z]|[-+/^_{}(),=<>&])"
)
_ENDS = {
    "",
    ")",
    "}",
    ",",
    "&",
    "\\\\",
    r"\end{cases}",
    r"\rvert",
    r"\rVert",
    "=",
    ">",
    "<",
    r"\le",
    "+",
    "-",
}


def split(line: str) -> tuple[str, str, list[str]]:
    """An equation line as (name, right-hand side, conditions)."""
    equation, _, conditions = line.partition("%")
    left, _, right = equation.partition("=")
    return spelled(left.strip()), right.strip(), [c.strip() for c in conditions.split(",") if c.strip()]


def holds(conditions: list[str], hyper: Mapping[str, Any], matrix: bool = False) -> bool:
    """Whether an equation line with these conditions holds."""
    facts = {**hyper, "matrix": matrix}

    def one(condition: str) -> bool:
        if "=" in condition:
            name, word = condition.split("=")
            return str(facts[name]).lower() == word
        return not facts[condition.removeprefix("not ")] if "not " in condition else bool(facts[condition])

    return all(one(c) for c in conditions)


def spelled(name: str) -> str:
    r"""A name without the braces of its subscript: ``\rho_{\infty}`` is ``\rho_\infty``."""
    return re.sub(r"_\{(.*)\}", r"_\1", name)


def value(text: str, names: Mapping[str, Any], words: Mapping[str, Callable[..., Any]]) -> Any:
    """What ``text`` comes to; KeyError for a name or word that is not known."""
    reader = _Reader(_tokens(text), names, words)
    result = reader.sum()
    assert reader.next == "", f"{text!r}: what is {reader.next!r} doing there?"
    return result


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text.rstrip()):
        token = _TOKEN.match(text, position)
        assert token, f"{text!r} can't be read from {text[position:]!r} on"
        found.append(token.group(1))
        position = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[str], names: Mapping[str, Any], words: Mapping[str, Callable[..., Any]]):
        self.tokens, self.names, self.words = tokens, names, words

    @property
    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0)
        assert not expected or token == expected, f"got {token!r} where {expected!r} belongs"
        return token

    def sum(self) -> Any:
        sign = -1.0 if self.next == "-" and self.take() else 1.0
        total = sign * self.product()
        while self.next in ("+", "-"):
            total = total + self.product() if self.take() == "+" else total - self.product()
        return total

    def product(self) -> Any:
        result = self.power()
        while self.next not in _ENDS:
            if self.next == "/":
                self.take()
                result = result / self.power()
            else:
                if self.next == r"\cdot":
                    self.take()
                result = result * self.power()
        return result

    def power(self) -> Any:
        base = self.atom()
        if self.next == "^":
            self.take()
            base = base ** self.group()
        return base

    def group(self) -> Any:
        """``{…}``, or a single token."""
        if self.next != "{":
            return _Reader([self.take()], self.names, self.words).atom()
        self.take()
        inside = self.sum()
        self.take("}")
        return inside

    def arguments(self) -> list[Any]:
        self.take("(")
        given = [self.sum()]
        while self.next == ",":
            self.take()
            given.append(self.sum())
        self.take(")")
        return given

    def atom(self) -> Any:
        token = self.take()
        if token[0].isdigit():
            return float(token)
        if token == "(":
            inside = self.sum()
            self.take(")")
            return inside
        match token:
            case r"\frac":
                above = self.group()
                return above / self.group()
            case r"\sqrt":
                return np.sqrt(self.group())
            case r"\max":
                return np.maximum(*self.arguments())
            case r"\min":
                return np.minimum(*self.arguments())
            case r"\lvert":
                inside = self.sum()
                self.take(r"\rvert")
                return np.abs(inside)
            case r"\lVert":
                return self.norm()
            case r"\begin{cases}":
                return self.cases()
        if token.startswith(r"\mathrm"):
            return self.word(token[8:-1])
        return self.names[token + self.subscript()]

    def subscript(self) -> str:
        if self.next != "_":
            return ""
        self.take()
        if self.next != "{":
            return "_" + self.take()
        self.take()
        parts = []
        while self.next != "}":
            parts.append(self.take())
        self.take()
        return "_" + "".join(parts)

    def word(self, word: str) -> Any:
        word += self.subscript()
        return self.words[word](*self.arguments()) if self.next == "(" else self.names[word]

    def norm(self) -> Any:
        if self.tokens[:2] == [r"\theta", r"\rVert"]:  # the tensor's norm, even where θ is one coordinate
            del self.tokens[:2]
            return self.names["norm"]
        inside = self.sum()
        self.take(r"\rVert")
        return np.linalg.norm(inside)

    def cases(self) -> Any:
        """The first row whose condition is met; the others may be undefined."""
        chosen = None
        while True:
            row = self.row()
            if chosen is None and row.met():
                chosen = row.result()
            if self.take() == r"\end{cases}":
                assert chosen is not None, "no case applies"
                return chosen

    def row(self) -> _Row:
        before, after = [], []
        side = before
        depth = 0
        while depth or self.next not in ("\\\\", r"\end{cases}"):
            token = self.take()
            if token == "&":
                side = after
            else:
                side.append(token)
        return _Row(before, after, self.names, self.words)


class _Row:
    def __init__(self, expression: list[str], condition: list[str], names: Any, words: Any):
        self.expression, self.condition, self.names, self.words = expression, condition, names, words

    def met(self) -> bool:
        if self.condition == [r"\text{otherwise}"]:
            return True
        (at,) = (i for i, token in enumerate(self.condition) if token in ("=", ">", "<", r"\le"))
        left, right = (self._value(part) for part in (self.condition[:at], self.condition[at + 1 :]))
        return bool(
            {"=": left == right, ">": left > right, "<": left < right, r"\le": left <= right}[
                self.condition[at]
            ]
        )

    def result(self) -> Any:
        return self._value(self.expression)

    def _value(self, tokens: list[str]) -> Any:
        return _Reader(list(tokens), self.names, self.words).sum()
