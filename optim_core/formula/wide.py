"""Arithmetic that neither overflows nor underflows: what a formula gives where doubles lose their way.

1/(1 + exp(−x)) is 0 at −710, yet exp(710) is no double, and the slope, exp(710)/(1 + exp(710))², is then
∞/∞. Here a number is m·2^e with e a double too, so that such parts keep their size until they meet. It is
some ten times slower than numpy, hence only for the points where numpy's result is not finite.

A mantissa m that is infinite is a pole (1/0, log 0), as in IEEE arithmetic: exp(−1/0) is 0, 0·(1/0) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LARGEST_EXPONENT = 1e300
# log 2 in two parts, the first with so few digits that its multiples are exact.
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


class Wide:
    """Arrays m·2^e with ½ ≤ |m| < 1; zero, poles and NaN have e = 0."""

    __array_ufunc__ = None  # numpy's operators leave it to those below
    __slots__ = ("e", "m")

    def __init__(self, m: Any, e: Any = 0.0):
        mantissa, shift = np.frexp(np.asarray(m, dtype=np.float64))
        exponent = np.asarray(e + shift, dtype=np.float64)
        mantissa = np.where(exponent > _LARGEST_EXPONENT, mantissa * np.inf, mantissa)
        mantissa = np.where(exponent < -_LARGEST_EXPONENT, 0.0, mantissa)
        self.m: Array = mantissa
        self.e: Array = np.where(np.isfinite(mantissa) & (mantissa != 0), exponent, 0.0)

    def __neg__(self) -> Wide:
        return Wide(-self.m, self.e)

    def __add__(self, other: Any) -> Wide:
        other = widened(other)
        low = -10 * _LARGEST_EXPONENT  # zero has no size that the other would have to be shifted to
        top = np.maximum(np.where(self.m == 0, low, self.e), np.where(other.m == 0, low, other.e))
        top = np.where(top == low, 0.0, top)
        return Wide(_scaled(self.m, self.e - top) + _scaled(other.m, other.e - top), top)

    def __sub__(self, other: Any) -> Wide:
        return self + -widened(other)

    def __mul__(self, other: Any) -> Wide:
        other = widened(other)
        return Wide(self.m * other.m, self.e + other.e)

    def __truediv__(self, other: Any) -> Wide:
        other = widened(other)
        return Wide(self.m / other.m, self.e - other.e)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Wide:
        return widened(other) - self

    def __rtruediv__(self, other: Any) -> Wide:
        return widened(other) / self

    def plain(self) -> Array:
        """As doubles, infinite or zero where they are out of range."""
        return _scaled(self.m, self.e)

    def result(self) -> Array:
        """As the value of a formula: infinite where it is too large, NaN where it is not defined."""
        return np.where(np.isinf(self.m), np.nan, self.plain())


def widened(value: Any) -> Wide:
    """``value`` as it is, or numbers and arrays as `Wide`."""
    return value if isinstance(value, Wide) else Wide(value)


def _scaled(m: Array, e: Array) -> Array:
    shift = np.clip(e, -2200, 2200).astype(np.int32)
    return np.asarray(np.ldexp(m, shift))


def _on_doubles(function: Callable[..., Any]) -> Callable[..., Wide]:
    """``function`` of doubles: for what is bounded, or no larger than its argument."""
    return lambda *values: Wide(function(*(widened(value).plain() for value in values)))


def exp(u: Any) -> Wide:
    """e^u."""
    v = widened(u).plain()
    e = np.floor(v / math.log(2))
    near = np.abs(v) < 1e15  # beyond, the digits of e say nothing of the mantissa
    m = np.where(near, np.exp(np.where(near, (v - e * _LOG2_HIGH) - e * _LOG2_LOW, 0.0)), 1.0)
    m = np.where(np.isnan(v), np.nan, np.where(np.isposinf(v), np.inf, np.where(np.isneginf(v), 0.0, m)))
    return Wide(m, np.where(np.isfinite(e), e, 0.0))


def log(u: Any) -> Wide:
    """The natural logarithm."""
    u = widened(u)
    plain, far = u.plain(), np.abs(u.e) > 1000
    return Wide(np.where(far, np.log(u.m) + u.e * math.log(2), np.log(plain)))


def _log_to(base: float, function: Callable[..., Any]) -> Callable[..., Wide]:
    def logarithm(u: Any) -> Wide:
        u = widened(u)
        far = np.abs(u.e) > 1000
        return Wide(np.where(far, function(u.m) + u.e * (math.log(2) / math.log(base)), function(u.plain())))

    return logarithm


def sqrt(u: Any) -> Wide:
    """The root that is not negative."""
    u = widened(u)
    odd = np.mod(u.e, 2)
    return Wide(np.sqrt(np.where(odd == 1, 2 * u.m, u.m)), (u.e - odd) / 2)


def power(base: Any, exponent: Any) -> Wide:
    """base^exponent; of a negative base only to a whole exponent."""
    b, p = widened(base), widened(exponent).plain()
    plain_base = b.plain()
    plain = np.power(plain_base, p)
    small = np.abs(p) < 500  # then |m|^p is a double, and as exact as any power
    size = p * (np.where(small, 0.0, np.log2(np.abs(b.m))) + b.e)  # in powers of two
    e = np.floor(size)
    sign = np.where(b.m < 0, np.where(np.mod(p, 2) == 1, -1.0, np.where(np.mod(p, 1) == 0, 1.0, np.nan)), 1.0)
    m = sign * np.exp2(np.where(np.abs(size) < 1e15, size - e, 0.0))
    m = m * np.where(small, np.power(np.abs(b.m), np.where(small, p, 0.0)), 1.0)
    usual = (np.isfinite(plain) & (plain != 0) & (np.abs(b.e) < 1000)) | ~np.isfinite(size)
    return Wide(np.where(usual, plain, m), np.where(usual, 0.0, e))


def _of_exponentials(sign: float, near: Callable[..., Any]) -> Callable[..., Wide]:
    """(e^u ± e^−u)/2, by ``near`` where that is finite and exact."""

    def function(u: Any) -> Wide:
        v = widened(u).plain()
        far = (exp(u) + sign * exp(-widened(u))) / 2.0
        small = np.abs(v) < 20
        return Wide(np.where(small, near(np.where(small, v, 0.0)), far.m), np.where(small, 0.0, far.e))

    return function


def absolute(u: Any) -> Wide:
    """|u|."""
    u = widened(u)
    return Wide(np.abs(u.m), u.e)


def _difference(a: Any, b: Any) -> Array:
    """What has the sign of a − b; poles of one sign are equal."""
    a, b = widened(a), widened(b)
    return np.where((a.m == b.m) & np.isinf(a.m), 0.0, (a - b).m)


def where(condition: Any, a: Any, b: Any) -> Wide:
    """``a`` where ``condition`` is not 0, else ``b``."""
    condition, a, b = widened(condition), widened(a), widened(b)
    holds, unknown = condition.m != 0, np.isnan(condition.m)
    return Wide(np.where(unknown, np.nan, np.where(holds, a.m, b.m)), np.where(holds, a.e, b.e))


def minimum(a: Any, b: Any) -> Wide:
    """The smaller of two."""
    return _either(_difference(a, b), a, b)


def maximum(a: Any, b: Any) -> Wide:
    """The larger of two."""
    return _either(-_difference(a, b), a, b)


def _either(difference: Array, a: Any, b: Any) -> Wide:
    first = np.where(np.isnan(difference), np.nan, np.where(difference < 0, 1.0, 0.0))
    return where(first, a, b)


def _compared(holds: Callable[..., Any]) -> Callable[..., Wide]:
    def compare(a: Any, b: Any) -> Wide:
        difference = _difference(a, b)
        return Wide(np.where(np.isnan(difference), np.nan, holds(difference, 0.0)))

    return compare


def _sigmoid(u: Any) -> Wide:
    return 1.0 / (1.0 + exp(-widened(u)))


def _softplus(u: Any) -> Wide:
    small = exp(-absolute(u))
    plain = small.plain()
    tail = where(np.where(plain > 1e-17, 1.0, 0.0), np.log1p(plain), small)
    return maximum(u, 0.0) + tail


ON_WIDE: Mapping[str, Callable[..., Wide]] = {
    **{name: _on_doubles(getattr(np, name)) for name in ("sin", "cos", "tan", "tanh", "floor", "ceil")},
    **{f"a{name}": _on_doubles(getattr(np, f"arc{name}")) for name in ("sin", "cos", "tan")},
    "sinh": _of_exponentials(-1.0, np.sinh),
    "cosh": _of_exponentials(1.0, np.cosh),
    "exp": exp,
    "log": log,
    "log2": _log_to(2, np.log2),
    "log10": _log_to(10, np.log10),
    "sqrt": sqrt,
    "power": power,
    "absolute": absolute,
    "sign": lambda u: Wide(np.sign(widened(u).m)),
    "minimum": minimum,
    "maximum": maximum,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "less": _compared(np.less),
    "lessequal": _compared(np.less_equal),
    "equal": _compared(np.equal),
    "where": where,
    "nought": lambda u: 0.0 * widened(u),
}
