"""What an unknown name in a formula was probably meant to be. A hint never names another function."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

# Names of functions that formulas do not have, and what to write for them.
_OTHERWISE = {
    "sec": "1/cos(x)",
    "csc": "1/sin(x)",
    "cosec": "1/sin(x)",
    "cot": "1/tan(x)",
    "cotan": "1/tan(x)",
    "sech": "1/cosh(x)",
    "csch": "1/sinh(x)",
    "coth": "1/tanh(x)",
    "sinc": "sin(x)/x or sin(pi*x)/(pi*x)",
    "asinh": "log(x + sqrt(x^2 + 1))",
    "acosh": "log(x + sqrt(x^2 - 1))",
    "atanh": "log((1 + x)/(1 - x))/2",
    "arcsinh": "log(x + sqrt(x^2 + 1))",
    "arccosh": "log(x + sqrt(x^2 - 1))",
    "arctanh": "log((1 + x)/(1 - x))/2",
    "logistic": "sigmoid(x)",
    "relu": "max(0, x)",
    "sqr": "x^2 or sqrt(x)",
    "expm1": "exp(x) - 1",
    "log1p": "log(1 + x)",
    "exp2": "2^x",
    "cbrt": "sign(x)*abs(x)^(1/3)",
    "hypot": "sqrt(x^2 + y^2)",
    "lg": "log10(x)",
    "lb": "log2(x)",
    "heaviside": "where(x < 0, 0, 1)",
    "trunc": "sign(x)*floor(abs(x))",
    "mod": "x - y*floor(x/y)",
    "silu": "x*sigmoid(x)",
    "swish": "x*sigmoid(x)",
}
# Whole words for what has a short name.
_WORDS = {
    "sine": "sin",
    "cosine": "cos",
    "tangent": "tan",
    "arcsine": "asin",
    "arccosine": "acos",
    "logarithm": "log",
    "exponential": "exp",
    "squareroot": "sqrt",
    "absolutevalue": "abs",
    "maximal": "max",
    "minimal": "min",
    "logsigmoid": "-softplus(-x)",
}


def nearest(name: str, known: Sequence[str]) -> str:
    """A sentence that says what to write for ``name``, or nothing where that would be a guess."""
    lower = name.lower()
    if lower in known:
        return f"Did you mean {lower}?"
    if lower in _OTHERWISE:
        return f"Write {_OTHERWISE[lower]}."
    if lower in _WORDS:
        return f"Did you mean {_WORDS[lower]}?"
    if index := re.fullmatch(r"([xy])_?(\d+)", lower):
        variable, number = index.groups()
        if number in ("0", "1"):
            return f"Write {variable} (or y, if it is the second coordinate)." if variable == "x" else ""
        second = " (or y, if it is the second coordinate)" if (variable, number) == ("x", "2") else ""
        return f"Write {variable}^{number} or {number}*{variable}{second}."
    if bare := re.fullmatch(rf"({'|'.join(sorted(known, key=len, reverse=True))})([xy])", lower):
        function, variable = bare.groups()
        product = len(function) == 1 or function == "pi"
        return f"Write {function}*{variable}." if product else f"Write {function}({variable})."
    swapped = [word for word in known if len(word) > 2 and sorted(word) == sorted(lower)]
    doubled = difflib.get_close_matches(lower, known, 1, 0.85) if lower.isalpha() and len(lower) > 4 else []
    return f"Did you mean {(swapped or doubled)[0]}?" if swapped or doubled else ""
