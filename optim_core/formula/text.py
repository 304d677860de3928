"""The text of a formula, checked and put into Python's own spelling before it is parsed.

People type 2x, x², |x|, np.sin(x) and −1. What has one meaning is taken: a product sign is put in, names
and signs get the one spelling that the parser knows. What has two meanings (1/2x) is refused with both.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NoReturn

from optim_core.declare.errors import InvalidInput

MAX_CHARACTERS = 1000
MAX_BRACKETS = 40  # one inside the other

_SPACE = r"[\s\u00a0\u2000-\u200a\u202f]+"
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_TOKEN = re.compile(
    rf"(?P<space>{_SPACE})"
    r"|(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)"
    r"|(?P<module>(numpy|np|math|cmath|torch\.nn\.functional|torch|jnp|sympy|sp|tf|F)\.(?=[A-Za-z]))"
    r"|(?P<name>[A-Za-z_]\w*|π)"
    rf"|(?P<raised>[⁺⁻]?[{_RAISED}]+)"
    r"|(?P<compare><=|>=|==|!=|[<>≤≥≠])"
    r"|(?P<sign>\*\*|[-+*/^(),|×·⋅∙∗÷∕−–√])",
    re.ASCII,
)
_SPELLED = {
    **dict.fromkeys("×·⋅∙∗", "*"),
    **dict.fromkeys("−–", "-"),
    **dict.fromkeys("÷∕", "/"),
    "^": "**",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "π": "pi",
}
# Other names of the same functions: from numpy, torch, math and school.
_SAME = {
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan")},
    "ln": "log",
    "log_10": "log10",
    "log_2": "log2",
    "absolute": "abs",
    "fabs": "abs",
    "minimum": "min",
    "maximum": "max",
    "fmin": "min",
    "fmax": "max",
    "ceiling": "ceil",
    "sgn": "sign",
    "signum": "sign",
    "power": "pow",
    "expit": "sigmoid",
}
_REFUSED = {"'\"`": "texts", "[]{}:;": "lists and blocks", ".": "attributes"}
# The power of a function's name, as in sin²(x) or sin^2(x).
_NAME_POWER = re.compile(
    rf"\s*(?:(?P<raised>[⁺⁻]?[{_RAISED}]+)|(?:\^|\*\*)\s*(?P<digits>\d+))(?=\s*\()", re.ASCII
)
_DIGITS = str.maketrans(_RAISED + "⁻⁺", "0123456789-+")
_PARTS = "+ - * / ^ and functions such as sin or exp"


@dataclass(frozen=True)
class Source:
    """A formula in Python's spelling, and the column (from 1) of what was typed for each character."""

    python: str
    columns: tuple[int, ...]

    def column(self, offset: int) -> int:
        """The column of what stands at ``offset`` of ``python``."""
        return self.columns[min(max(offset, 0), len(self.columns) - 1)]


def python_text(text: str, functions: Collection[str] = (), values: Collection[str] = ()) -> Source:
    """``text`` for Python's parser, if it is made of numbers, names, signs and closed brackets.

    A name of ``functions`` wants its argument in brackets; one of ``values`` before a bracket is a factor.
    Raises InvalidInput for anything else. The length is looked at first, before what takes time.
    """
    if not isinstance(text, str):
        refuse(f"got {type(text).__name__}, expected text.", hint="Write x^2 + 3*y^2, for example.")
    if len(text) > MAX_CHARACTERS:
        refuse(f"got {len(text)} characters, allowed are at most {MAX_CHARACTERS}.", hint="Shorten it.")
    if not text.strip():
        refuse("the formula is empty.", hint="Write one in x and y, such as x^2 + 3*y^2.")
    return _Speller(text, functions, values).source()


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raises the error that every fault of a formula is."""
    raise InvalidInput(message, code="formula", field="formula", hint=hint)


@dataclass
class _Level:
    """What is known inside one bracket, or outside of all."""

    opened_by: str = ""  # "(", "|" or nothing
    column: int = 0
    is_call: bool = False
    closing: str = ")"
    divides: bool = False  # the factor that is being read stands behind a /
    raises: bool = False  # or behind a ^
    bar_closed: bool = False  # since the last sign: |x|y|z| can be read in two ways


@dataclass
class _Speller:
    """Reads tokens from left to right and writes their Python."""

    text: str
    functions: Collection[str]
    values: Collection[str]
    pieces: list[tuple[str, int]] = field(default_factory=list)
    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    before: str = ""  # the last token as it was typed
    kind: str = "sign"  # of the last token: "sign" (a value must follow), "value", "name" or "function"
    at: int = 0  # where its piece is
    power: str = ""  # of the function's name that came last

    def source(self) -> Source:
        """The whole text, spelled."""
        position = 0
        while position < len(self.text):
            token = _TOKEN.match(self.text, position)
            if token is None:
                _refuse_character(self.text, position)
            kind, word = token.lastgroup or "", token.group()
            column, position = position + 1, token.end()
            if kind == "space":
                self.pieces.append((" ", column))
            elif kind != "module":
                self._take(kind, word, column)
                self.before = word
            if self.kind == "function" and (power := _NAME_POWER.match(self.text, position)):
                self.power = self._name_power(power, position + 1)
                position = power.end()
        level = self.levels[-1]
        if level.opened_by:
            refuse(
                f"'{level.opened_by}' at column {level.column} is never closed.",
                hint=f"Add a '{level.opened_by.replace('(', ')')}'.",
            )
        if self.kind == "function":
            self._refuse_bare()
        if self.kind == "sign":
            refuse(f"the formula is unfinished: it ends with {self.before!r}.", hint="Write what follows.")
        python = "".join(piece for piece, _ in self.pieces)
        columns = tuple(column for piece, column in self.pieces for _ in piece)
        start = len(python) - len(python.lstrip())
        return Source(python.strip(), columns[start : start + len(python.strip())])

    def _take(self, kind: str, word: str, column: int) -> None:
        if self.kind == "function" and word != "(":
            self._refuse_bare()
        if kind == "number":
            self._before_value(word, column)
            self._write(word, column, "value")
        elif kind == "name":
            self._name(word, column)
        elif kind == "raised":
            if self.kind == "sign":
                refuse(f"nothing stands before {word!r} at column {column}.", hint="Write x² or x^2.")
            self._write(f"**{word.translate(_DIGITS)}", column, "value")
        elif word == "(":
            self._open(column)
        elif word == "|":
            self._bar(column)
        elif word == ")":
            self._close("(", column)
        elif word == ",":
            self._comma(column)
        elif word == "√":
            self._before_value(word, column)
            self._write("sqrt", column, "function")
        else:
            self._sign(_SPELLED.get(word, word), column)

    def _write(self, piece: str, column: int, kind: str) -> None:
        self.at = len(self.pieces)
        self.pieces.append((piece, column))
        self.kind = kind

    def _name(self, word: str, column: int) -> None:
        if keyword.iskeyword(word) or word.startswith("_"):
            refuse(
                f"{word[:40]!r} at column {column} means nothing in a formula.",
                hint="For two conditions at once multiply them: (x > 0)*(y > 0)."
                if word in ("and", "or", "not")
                else f"Allowed are x, y, numbers, {_PARTS}.",
            )
        if word in ("xy", "yx"):
            self._name(word[0], column)
            self.before, word, column = word[0], word[1], column + 1
        self._before_value(word, column)
        word = _SAME.get(word, _SPELLED.get(word, word))
        known = "function" if word in self.functions else "value" if word in self.values else "name"
        self._write(word, column, known)

    def _before_value(self, word: str, column: int) -> None:
        """Puts the product sign in where a value follows a value."""
        if self.kind == "sign":
            return
        level = self.levels[-1]
        both = f"between {self.before!r} and {word!r} at column {column}"
        if word[0].isdigit() or word[0] == ".":
            refuse(f"a sign is missing {both}.", hint="For a product write *, as in 2*x; for a power ^.")
        if level.divides:
            refuse(
                f"it is not clear {both} what / divides by.",
                hint="Write (1/2)*x or 1/(2*x), with brackets.",
            )
        if level.raises and self.before != ")":
            refuse(f"it is not clear {both} what the power is.", hint="Write x^2*y or x^(2*y), with a sign.")
        if word == "|" and level.bar_closed and self.before != "|":
            refuse(f"it is not clear {both} which | opens and which closes.", hint="Write abs( ) for | |.")
        self._write("*", column, "sign")
        level.raises = False

    def _name_power(self, power: re.Match[str], column: int) -> str:
        digits = (power["raised"] or power["digits"]).translate(_DIGITS)
        if not digits.isdigit():
            refuse(
                f"the power {digits} of a function's name, at column {column}, has two meanings.",
                hint="Write asin(x) for the inverse function, 1/sin(x) for the reciprocal.",
            )
        return digits

    def _refuse_bare(self) -> NoReturn:
        name, column = self.pieces[self.at]
        example = {"where": "x < y, x^2, y^2", "pow": "x, 2", "min": "x, y", "max": "x, y"}.get(name, "x")
        refuse(f"the function {name!r} at column {column} has no argument.", hint=f"Write {name}({example}).")

    def _open(self, column: int) -> None:
        is_call, closing = self.kind in ("function", "name"), ")"
        if self.power:
            self.pieces.insert(self.at, ("(", self.pieces[self.at][1]))
            closing, self.power = f")**{self.power})", ""
        if not is_call:
            self._before_value("(", column)
        self._enter(_Level("(", column, is_call, closing), "(")

    def _enter(self, level: _Level, piece: str) -> None:
        self.levels.append(level)
        if len(self.levels) > MAX_BRACKETS + 1:
            refuse(f"the formula has over {MAX_BRACKETS} brackets one inside the other.", hint="Simplify it.")
        self._write(piece, level.column, "sign")

    def _bar(self, column: int) -> None:
        if self.kind != "sign" and self.levels[-1].opened_by == "|":
            self._close("|", column)
            self.levels[-1].bar_closed = True
        else:
            self._before_value("|", column)
            self._enter(_Level("|", column), "abs(")

    def _close(self, opened_by: str, column: int) -> None:
        level = self.levels[-1]
        if level.opened_by != opened_by:
            if level.opened_by:
                refuse(f"'|' at column {level.column} is never closed.", hint="Add a '|'.")
            refuse(f"')' at column {column} closes nothing.", hint="Remove it, or open a bracket.")
        self.levels.pop()
        self._write(level.closing, column, "value")

    def _comma(self, column: int) -> None:
        if not self.levels[-1].is_call:
            written = next(
                (m.group() for m in re.finditer(r"\d+,\d+", self.text) if m.start() < column <= m.end()), ""
            )
            refuse(
                f"a comma at column {column} separates nothing here.",
                hint=f"For a decimal write a point: {written.replace(',', '.')}."
                if written
                else "Remove it.",
            )
        self._sign(",", column)

    def _sign(self, spelled: str, column: int) -> None:
        level = self.levels[-1]
        if self.kind != "sign" or spelled not in ("+", "-"):  # a sign before a number changes nothing
            level.divides = spelled == "/" or (level.divides and spelled == "**")
            level.raises, level.bar_closed = spelled == "**", False
        self._write(spelled, column, "sign")


def _refuse_character(text: str, position: int) -> NoReturn:
    character = text[position]
    shown = repr(character) if character.isprintable() else ascii(character)
    if character == "=":
        refuse(
            f"the character '=' at column {position + 1} is not allowed: a formula is one value.",
            hint="Write what stands right of it; to compare write ==.",
        )
    what = next((what for characters, what in _REFUSED.items() if character in characters), "")
    refuse(
        f"the character {shown} at column {position + 1} is not allowed"
        + (f": there are no {what} in a formula." if what else "."),
        hint="Use letters, digits and + - * / ^ ( ) only.",
    )
