r"""LaTeX to MathML, on the server; in optimizers' equations each quantity is marked by its name.

A marked quantity is ``<mrow data-quantity="state:m">…</mrow>``: there the browser can put this step's
number in the place of the symbol. Names: grad, param_prev, effective_lr, direction, decay, step,
schedule_factor, param_norm, hyper:NAME, state:NAME (at t), state_prev:NAME (at t-1); and local:SYMBOL
for a letter that an earlier equation of the same rule defines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from math_core import LatexError, LatexToMathML

from optim_core.declare.kinds import Flag
from optim_core.rule import Rule

_CONVERTER = LatexToMathML(fancy_error=False)
_NUMERAL = "9150000{:03d}"  # stands for a quantity while the equation is converted

# Conditions that are no settings but facts about the tensor; on a surface (two weights) they are false.
_TENSOR_FACTS = frozenset({"matrix"})

_COMMON = {
    "g_t": "grad",
    r"\theta_{t-1}": "param_prev",
    r"\alpha_t": "effective_lr",
    "d_t": "direction",
    r"\delta_t": "decay",
    r"\phi_t": "schedule_factor",
    r"\lVert\theta\rVert": "param_norm",
}


@lru_cache(maxsize=4096)
def mathml(latex: str, *, block: bool = True) -> str:
    """MathML of ``latex``; its plain text if it cannot be converted."""
    try:
        return _CONVERTER.convert_with_local_state(latex, displaystyle=block)
    except LatexError:
        return f"<math><mtext>{_escape(latex)}</mtext></math>"


def surface_mathml(latex: str) -> str:
    """A surface's formula; where it is moved or turned, what u and v are stands on lines of their own."""
    lines = [part.replace("=", "&=", 1) for part in f"f(x, y) = {latex}".split(r", \quad ")]
    return mathml(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}")


def equations(rule: Rule) -> list[dict[str, Any]]:
    """The rule's equations: ``latex``, ``mathml`` with marks, and the settings ``when`` they hold.

    A line that holds only for matrices, or only for other tensors, has ``matrix`` true or false besides.
    """
    pattern, quantities = _tokens(rule)
    found = []
    for line in rule.formula:
        latex, _, condition = (part.strip() for part in line.partition("%"))
        wanted = when(condition, rule)
        facts = {name: wanted.pop(name) for name in _TENSOR_FACTS & wanted.keys()}
        found.append({"latex": latex, "mathml": _marked(latex, pattern, quantities), "when": wanted, **facts})
    return found


def when(condition: str, rule: Rule) -> dict[str, Any]:
    """``"not amsgrad, penalty=half"`` as settings with the values that they must have."""
    wanted: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in condition.split(","))):
        name, _, word = part.removeprefix("not ").partition("=")
        name = name.strip()
        if name in _TENSOR_FACTS:
            wanted[name] = not part.startswith("not ")
            continue
        if name not in rule.settings:
            raise TypeError(f"{rule.id}: an equation depends on {name!r}, which is no setting")
        kind = rule.settings[name].kind
        value = word.strip() if word else not part.startswith("not ")
        wanted[name] = _as_value(value, kind) if word else value
    return wanted


def _as_value(word: Any, kind: Any) -> Any:
    if isinstance(kind, Flag):
        return kind.check({"true": True, "false": False}.get(word, word))
    return kind.check(word) if not hasattr(kind, "low") else kind.check(float(word))


def _tokens(rule: Rule) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """A pattern for every symbol of the rule's equations, and what each stands for."""
    quantities = dict(_COMMON)
    for name in rule.state_names:
        stem = rule.symbols.get(name, name)
        quantities |= {f"{stem}_t": f"state:{name}", f"{stem}_{{t-1}}": f"state_prev:{name}"}
    for name, setting in rule.settings.items():
        if setting.kind.symbol:
            quantities[setting.kind.symbol] = f"hyper:{name}"
    quantities["t"] = "step"
    for line in rule.formula:
        left = re.sub(r"\s+", "", line.partition("=")[0])
        quantities.setdefault(left, f"local:{left}")
    longest_first = sorted(quantities, key=len, reverse=True)
    return re.compile("|".join(map(_bounded, longest_first))), quantities


def _bounded(token: str) -> str:
    """``token`` where it stands by itself: not within a longer command, name or index."""
    text = r"\s*".join(map(re.escape, re.findall(r"\\[A-Za-z]+|[^\s\\]+", token)))
    before = r"(?<![\\A-Za-z_])(?<!_\{)" if not token.startswith("\\") else r"(?<!\\)"
    after = r"(?![A-Za-z])" if token[-1].isalpha() else ""
    if not token.endswith(("_t", "}")):  # \eta is no \eta_t: that would be a symbol of its own
        after += r"(?!_)"
    return f"(?:{before}{text}{after})"


def _marked(latex: str, pattern: re.Pattern[str], quantities: Mapping[str, str]) -> str:
    """The equation with a numeral in every quantity's place, converted, and the symbols put back."""
    places: list[tuple[str, str]] = []  # (quantity, its symbol in MathML)

    def place(match: re.Match[str]) -> str:
        symbol = match.group()
        places.append((quantities[re.sub(r"\s+", "", symbol)], _inside(mathml(symbol))))
        return f"{{{_NUMERAL.format(len(places) - 1)}}}"

    text = mathml(pattern.sub(place, latex))
    for index, (quantity, symbol) in enumerate(places):
        numeral = f"<mn>{_NUMERAL.format(index)}</mn>"
        assert text.count(numeral) == 1, f"{latex}: {symbol} cannot be marked"
        text = text.replace(numeral, f'<mrow data-quantity="{quantity}">{symbol}</mrow>')
    return text


def _inside(math: str) -> str:
    return math[math.index(">") + 1 : math.rindex("</math>")]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
