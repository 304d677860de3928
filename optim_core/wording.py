"""Numbers in sentences: templates like "{run} lost {x:percent}", filled in as the pages do it.

The kinds are those of ``static/ui/format.mjs``, which fills the same templates with other steps' values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_DIRECTIONS = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with each ``{name}`` or ``{name:kind}`` replaced by its value as that kind."""
    return _PLACE.sub(lambda place: KINDS[place[2] or "text"](values[place[1]]), template)


def places(template: str) -> dict[str, str]:
    """The names in a template, with the kind of each."""
    return {place[1]: place[2] or "text" for place in _PLACE.finditer(template)}


def plain_name(name: str) -> str:
    """A name without signs that would turn around the text beside it: names are anybody's."""
    return name.translate(_DIRECTIONS).strip()


def number(value: float, digits: int = 3) -> str:
    """To so many significant digits: 0.0123, 1234, 1.23×10⁻⁵; infinities and NaN in words."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return _minus(_plain(float(f"{value:.{digits}g}")))
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    front, power = _plain(float(mantissa)), f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return _minus({"1": power, "-1": f"-{power}"}.get(front, f"{front}×{power}"))


def percent(value: float) -> str:
    """A share as a percentage."""
    if not math.isfinite(value):
        return "–"
    hundredths = 100.0 * value
    digits = 0 if abs(hundredths) >= 10 else 1 if abs(hundredths) >= 1 else 2
    return _minus(f"{hundredths:.{digits}f}\u00a0%")


def count(value: float) -> str:
    """A whole number, with spaces between thousands."""
    return f"{int(value):,}".replace(",", " ")


def steps(value: float) -> str:
    """ "1 step", "2 000 steps"."""
    return f"{count(value)} step{'' if int(value) == 1 else 's'}"


KINDS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "number": number,
    "factor": lambda value: number(value, 2),
    "percent": percent,
    "count": count,
    "steps": steps,
}


def _plain(value: float) -> str:
    return repr(value).removesuffix(".0")


def _minus(text: str) -> str:
    return f"−{text[1:]}" if text.startswith("-") else text
