"""The text of a formula, checked before it is parsed: length, characters, brackets, missing signs."""

from __future__ import annotations

import keyword
import re
from typing import NoReturn

from optim_core.declare.errors import InvalidInput

MAX_CHARACTERS = 400
MAX_BRACKETS = 40  # one inside the other

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*/^(),])",
    re.ASCII,
)
_MEANT = {"×": "*", "·": "*", "−": "-", "–": "-", "÷": "/", "²": "^2", "³": "^3", "π": "pi", "√": "sqrt( )"}
_REFUSED = {"=<>!": "comparisons", "'\"`": "texts", "[]{}:;": "lists and blocks", ".": "attributes"}


def python_text(text: str) -> str:
    """``text`` for Python's parser, ** for ^, if it is made of numbers, names, signs and closed brackets.

    Raises InvalidInput for anything else. The length is looked at first, before what takes time.
    """
    if not isinstance(text, str):
        refuse(f"got {type(text).__name__}, expected text.", hint="Write x^2 + 3*y^2, for example.")
    if len(text) > MAX_CHARACTERS:
        refuse(f"got {len(text)} characters, allowed are at most {MAX_CHARACTERS}.", hint="Shorten it.")
    if not text.strip():
        refuse("the formula is empty.", hint="Write one in x and y, such as x^2 + 3*y^2.")
    _check_tokens(text)
    return re.sub(r"\s", " ", text).strip().replace("^", "**")


def column(text: str, offset: int) -> int:
    """The column (from 1) of ``text`` that stands at ``offset`` of its ``python_text``."""
    start = len(text) - len(text.lstrip())
    for position in range(start, len(text)):
        offset -= 2 if text[position] == "^" else 1
        if offset < 0:
            return position + 1
    return len(text)


def refuse(message: str, hint: str = "") -> NoReturn:
    """Raises the error that every fault of a formula is."""
    raise InvalidInput(message, code="formula", field="formula", hint=hint)


def _check_tokens(text: str) -> None:
    position, opened, before = 0, [], None
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            _refuse_character(text, position)
        kind, word, here = token.lastgroup, token.group(), f"at column {position + 1}"
        position = token.end()
        if kind == "space":
            continue
        if kind == "name" and (keyword.iskeyword(word) or word.startswith("_")):
            refuse(
                f"{word[:40]!r} {here} means nothing in a formula.",
                hint="Allowed are x, y, numbers, + - * / ^ and functions such as sin or exp.",
            )
        if kind in ("number", "name") or word == "(":
            follows_value = before is not None and (before.lastgroup != "sign" or before.group() == ")")
            is_call = word == "(" and before is not None and before.lastgroup == "name"
            if before is not None and follows_value and not is_call:
                refuse(
                    f"a sign is missing between {before.group()!r} and {word!r} {here}.",
                    hint="For a product write *, as in 2*x.",
                )
        if word == "(":
            opened.append(token.start())
        elif word == ")":
            if not opened:
                refuse(f"')' {here} closes nothing.", hint="Remove it, or open a bracket.")
            opened.pop()
        if len(opened) > MAX_BRACKETS:
            refuse(f"the formula has over {MAX_BRACKETS} brackets one inside the other.", hint="Simplify it.")
        before = token
    if opened:
        refuse(f"'(' at column {opened[-1] + 1} is never closed.", hint="Add a ')'.")
    if before is not None and before.lastgroup == "sign" and before.group() != ")":
        refuse(f"the formula is unfinished: it ends with {before.group()!r}.", hint="Write what follows.")


def _refuse_character(text: str, position: int) -> NoReturn:
    character = text[position]
    shown = repr(character) if character.isprintable() else ascii(character)
    what = next((what for characters, what in _REFUSED.items() if character in characters), "")
    refuse(
        f"the character {shown} at column {position + 1} is not allowed"
        + (f": there are no {what} in a formula." if what else "."),
        hint=f"Write {_MEANT[character]}."
        if character in _MEANT
        else "Use letters, digits and + - * / ^ ( ) only.",
    )
