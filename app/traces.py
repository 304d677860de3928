"""A declared chart filled with columns: Plotly traces of recordings.

static/chart/traces.mjs does the same in the browser, and a test holds the two together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from optim_core.catalogue import rules
from optim_core.recording import Recording, Series, Values, thinned
from optim_core.wording import plain_name

STATE = "{state}"  # in a column's name: stands for a state's name, which the viewer chooses
TENSOR = "{tensor}"  # in a column of a training run: the tensor that the viewer has chosen
# Columns of a tensor, among those of a run that declared none: others with a slash are metrics of its own.
TENSOR_METRIC = re.compile(
    r"(.+)/(?:weight_norm|grad_norm|gradient_part_norm|decay_part_norm|update_ratio|angle|effective_\w+)"
)
EACH = "{each}"  # in a column of a training run: every tensor, as a band from the smallest to the largest

# The light theme's --series-0 to --series-7 (static/css/tokens.css).
PALETTE = ("#c2410c", "#0b5fb0", "#00745f", "#8b3aa5", "#7d5a00", "#b1215f", "#46515c", "#3f6d16")
GROUND = "#ffffff"
FEATURED = ("adam_l2", "adamw", "adamw_lh", "sgd_l2")  # they keep the strongest colours
DASHES = (
    *("solid", "dash", "dot", "dashdot", "longdash", "longdashdot"),
    *("9px,3px,2px,3px,2px,3px", "2px,8px"),
)
# The order in which runs that share a colour take them: last come those that charts tell lines apart by.
ROUNDS = (0, 4, 5, 6, 7, 3, 2, 1)
WIDTH, SECOND = 1.6, 2.0  # of a run's first line, and of the others, which a dash tells from it
# Where a dash tells the run itself from others of its colour, its lines are told apart by their weight.
WIDTHS = {"solid": WIDTH, "dot": 2.6, "dash": 3.0, "dashdot": 3.4}
FEW_RUNS = 4  # with more, finer lines of each and those of every tensor are left out

MAX_POINTS = 500  # of a line
POINT = 6  # pixels
FAINT = 0.3  # what a raw line keeps behind its smoothed one, and a band
LOW, HIGH = -40, 24  # powers of two that the bins of a histogram column span


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the viewer chose.

    state, tensor  for the stand-ins in names of columns; the first tensor where there is none of that name
    x              the column that stands across instead of the step, where there is one of that name
    logarithmic    lines show nothing where a value is 0 or less
    range          steps in sight, first and last
    smoothing      weight of what came before, in [0, 1)
    ground         the colour behind a heat map
    """

    state: str = ""
    tensor: str = ""
    x: str = ""
    logarithmic: bool = False
    range: tuple[float, float] | None = None
    smoothing: float = 0.0
    ground: str = GROUND


@dataclass(frozen=True)
class Shown:
    """A recording with what tells it from the others in a picture."""

    recording: Recording
    label: str
    colour: str
    dash: str

    @property
    def tensors(self) -> list[str]:
        """Names as declared, else as the columns have them."""
        declared = [tensor["name"] for tensor in self.recording.about.get("tensors") or ()]
        of_tensors = filter(None, map(TENSOR_METRIC.fullmatch, self.recording.columns))
        return declared or list(dict.fromkeys(found[1] for found in of_tensors))


def shown(recordings: Sequence[Recording], palette: Sequence[str] = PALETTE) -> list[Shown]:
    """Each with its label, its optimizer's colour, and a dash that tells it from others of that colour.

    Training runs of one optimizer get colours of their own, and dashes only when there are no more; no two
    are alike before all colours have all dashes.
    """
    about = [recording.about for recording in recordings]
    apart = all(one.get("kind") != "trajectory" for one in about)
    styles = _styles([str(one.get("optimizer", "")) for one in about], apart=apart)
    found = zip(recordings, labels(about), styles, strict=True)
    return [Shown(one, label, palette[slot], DASHES[dash]) for one, label, (slot, dash) in found]


def labels(about: Sequence[Mapping[str, Any]]) -> list[str]:
    """By optimizer where these differ, else by name, without the words that all names begin with."""
    ids = [str(one.get("optimizer", "")) for one in about]
    titles = [rules()[name].title if name in rules() else plain_name(name) for name in ids]
    names = titles
    if len(set(titles)) < len(titles):
        pairs = zip(about, titles, strict=True)
        names = [title if one.get("kind") == "trajectory" else _name(one) for one, title in pairs]
        head, comma, _ = names[0].partition(", ")
        if comma and all(name.startswith(head + comma) for name in names):
            names = [name.removeprefix(head + comma) for name in names]
    counts = Counter(names)
    return [f"{name} {i}" if counts[name] > 1 else name for i, name in enumerate(names, 1)]


def _name(about: Mapping[str, Any]) -> str:
    told = " on ".join(filter(None, (about.get("optimizer"), about.get("task"))))
    return plain_name(str(about.get("name") or "")) or plain_name(told) or str(about.get("id", ""))


def _styles(optimizers: Sequence[str], *, apart: bool) -> Iterator[tuple[int, int]]:
    """Which colour and which dash each gets."""
    wanted = [_slot(name) for name in optimizers]
    # The first of each optimizer has its colour for sure, before others spread over what is free.
    sure = {wanted.index(slot) for slot in wanted} if apart else set()
    used = [sum(wanted[i] == slot for i in sure) for slot in range(len(PALETTE))]
    for i, own in enumerate(wanted):
        if i in sure:
            yield own, 0
            continue
        slot = own
        if used[own] >= (1 if apart else len(DASHES)) and used[own] > min(used):
            slot = used.index(min(used))
        times = used[slot] % len(DASHES)
        used[slot] += 1
        yield slot, ROUNDS[times] if apart else times


def _slot(optimizer: str) -> int:
    if optimizer in FEATURED:
        return FEATURED.index(optimizer)
    others = [name for name in rules() if name not in FEATURED]
    place = others.index(optimizer) if optimizer in others else 0
    return len(FEATURED) + place % (len(PALETTE) - len(FEATURED))


def state_of(recordings: Sequence[Recording], wanted: str) -> str:
    """The state that is shown: the wanted one where an optimizer has it, else the first of any."""
    known = [state for one in recordings for state in one.about.get("states") or ()]
    return wanted if wanted in known else next(iter(known), "")


def traces(declared: Sequence[Any], all_shown: Sequence[Shown], choices: Choices) -> list[Any]:
    """The declared traces of a figure, each filled once for every recording that has its column."""
    if declared and declared[0].type == "heatmap":
        return _heat(declared[0], all_shown[0], choices) if all_shown else []
    few = len(all_shown) <= FEW_RUNS
    found = []
    for one in all_shown:
        for trace in declared:
            if few or not trace.meta["detail"]:
                found += (_band if "low" in trace.meta else _line)(trace, one, choices)
    return found


def absent(declared: Sequence[Any], all_shown: Sequence[Shown], choices: Choices) -> str:
    """Why declared lines are not drawn, for recordings of which something else is."""
    said = []
    for trace in declared:
        if not trace.meta.get("absent") or (trace.meta["detail"] and len(all_shown) > FEW_RUNS):
            continue
        without = [
            one.label
            for one in all_shown
            if trace.meta["y"] not in one.recording.columns
            and _decays(one.recording)
            and any(_column(other, one, choices) in one.recording.columns for other in declared)
        ]
        if without:
            said.append(trace.meta["absent"].replace("{runs}", ", ".join(without)))
    return " ".join(said)


def _decays(recording: Recording) -> bool:
    decay = recording.about.get("decay")
    return decay["kind"] != "none" if decay else bool(np.any(recording.columns.get("weight_decay", 0) > 0))


def _column(trace: Any, one: Shown, choices: Choices) -> str:
    """The column that a declared trace shows of this recording."""
    tensors = one.tensors
    tensor = choices.tensor if choices.tensor in tensors else next(iter(tensors), "")
    return str(trace.meta["y"]).replace(TENSOR, tensor).replace(STATE, choices.state)


def _line(trace: Any, one: Shown, choices: Choices) -> list[go.Scatter]:
    name = _column(trace, one, choices)
    values = one.recording.columns.get(name)
    if values is None or not np.isfinite(values).any():
        return []
    steps = one.recording.steps(name)
    rows = _rows(values, steps, choices)
    whole = _through(trace, one, choices, _smoothed(values, choices.smoothing)[rows], steps[rows])
    if choices.smoothing <= 0:
        return [whole]
    raw = _through(trace, one, choices, values[rows], steps[rows])
    raw.update(name=f"{raw.name} unsmoothed", opacity=FAINT)
    raw.line.update(width=1, dash="solid")
    return [raw, whole]


def _through(trace: Any, one: Shown, choices: Choices, values: Values, steps: Values) -> go.Scatter:
    """A line through these values."""
    y = _placed(values, choices)
    dash = trace.line.dash or "solid"
    width = SECOND
    if dash == "solid" or one.dash != "solid":
        width, dash = WIDTHS[dash], one.dash
    mode, size = _marked(y)
    return go.Scatter(
        mode=mode,
        name=_title(one, trace),
        marker={"color": one.colour, "size": size},
        x=_across(one, steps, choices),
        y=y,
        line={"color": one.colour, "width": trace.line.width or width, "dash": dash},
        hoverinfo="skip",
    )


def _band(trace: Any, one: Shown, choices: Choices) -> list[go.Scatter]:
    """The space between two columns as an area, in as many pieces as there are gaps between."""
    low, high = (_edges(str(trace.meta[part]), one, choices) for part in ("low", "y"))
    if not low or not high:
        return []
    steps = high[0][1]
    lower = _outermost(low, steps, np.fmin)
    upper = _outermost(high, steps, np.fmax)
    upper[np.isnan(lower)] = np.nan
    rows = _rows(upper, steps, choices)
    whole = np.isfinite(upper[rows])
    x: list[float | None] = []
    y: list[float | None] = []
    for piece in np.split(rows, np.flatnonzero(np.diff(whole)) + 1):
        if np.isfinite(upper[piece[0]]):
            x += [*_across(one, steps[np.r_[piece, piece[::-1]]], choices), None]
            y += [*upper[piece].tolist(), *lower[piece[::-1]].tolist(), None]
    if not x:
        return []
    return [
        go.Scatter(
            mode="lines",
            name=_title(one, trace),
            x=x,
            y=y,
            fill="toself",
            fillcolor=one.colour,
            line={"color": one.colour, "width": 0.5},
            opacity=FAINT / 2,
            hoverinfo="skip",
        )
    ]


def _edges(column: str, one: Shown, choices: Choices) -> list[tuple[Values, Values]]:
    """Values and steps of a column, or of one for every tensor; NaN where the axis has no place."""
    found = []
    for name in [column.replace(EACH, tensor) for tensor in one.tensors] if EACH in column else [column]:
        values = one.recording.columns.get(name)
        if values is not None and len(values):
            kept = np.where(np.isfinite(values) & ((values > 0) | (not choices.logarithmic)), values, np.nan)
            found.append((kept, one.recording.steps(name)))
    return found


def _outermost(edges: Sequence[tuple[Values, Values]], steps: Values, of: np.ufunc) -> Values:
    """The outermost at each step of what was measured last at or before it."""
    found = np.full(len(steps), np.nan)
    for values, at in edges:
        row = np.searchsorted(at, steps, "right") - 1
        found = of(found, np.where(row >= 0, values[np.maximum(row, 0)], np.nan))
    return found


def _heat(trace: Any, one: Shown, choices: Choices) -> list[go.Heatmap]:
    """A column of histograms as a picture: steps across, bins upwards."""
    name = _column(trace, one, choices)
    values = one.recording.columns.get(name)
    if values is None or values.ndim < 2:
        return []
    width = values.shape[1]
    return [
        go.Heatmap(
            name=_title(one, trace),
            x=one.recording.steps(name).tolist(),
            y=[LOW + (i + 0.5) * (HIGH - LOW) / width for i in range(width)],
            z=[[value or None for value in row] for row in values.T.tolist()],
            colorscale=[[0, choices.ground], [1, one.colour]],
            showscale=False,
            hoverinfo="skip",
            zsmooth=False,
        )
    ]


def _across(one: Shown, steps: Values, choices: Choices) -> list[float | None]:
    """Where steps lie: at themselves, or at what the chosen column is then, in proportion between rows."""
    values = one.recording.columns.get(choices.x)
    if values is None:
        return steps.tolist() if not choices.x else [None] * len(steps)
    finite = np.isfinite(values)
    if not finite.any():
        return [None] * len(steps)
    at = one.recording.steps(choices.x)[finite]
    found = np.interp(steps, at, values[finite].astype(np.float64), left=np.nan, right=np.nan)
    return [value if np.isfinite(value) else None for value in found.tolist()]


def _title(one: Shown, trace: Any) -> str:
    return " ".join(filter(None, (one.label, trace.meta["label"])))


def _rows(values: Values, steps: Values, choices: Choices) -> Values:
    """The rows that are drawn: those in sight with a neighbour on either side, and few of many."""
    last = len(values) - 1
    first, end = 0, last
    if choices.range is not None:
        low, high = (max(int(np.searchsorted(steps, step, "right")) - 1, 0) for step in choices.range)
        first, end = max(low - 1, 0), min(high + 1, last)
    rows = np.arange(first, end + 1)
    return thinned(Series(rows, np.asarray(values[rows], np.float32)), MAX_POINTS).steps


def _smoothed(values: Values, weight: float) -> Values:
    """Exponentially, without the pull of the first value; gaps stay gaps."""
    if weight <= 0:
        return values
    found = np.array(values)
    mean = total = 0.0
    for i in np.flatnonzero(np.isfinite(found)):
        mean = weight * mean + (1 - weight) * float(found[i])
        total = weight * total + (1 - weight)
        found[i] = mean / total
    return found


def _placed(values: Values, choices: Choices) -> list[float | None]:
    """Values as they lie on the axis: nothing where one is not finite, or a logarithm has none."""
    found = values.tolist()
    if choices.logarithmic:
        found = [value if value > 0 else None for value in found]
    return [value if value is not None and np.isfinite(value) else None for value in found]


def _marked(y: Sequence[float | None]) -> tuple[str, int | list[int]]:
    """The mode of a line and the sizes of its points: one between two gaps would not be seen as a line."""
    if len(y) < 2:
        return "markers", POINT
    padded = [None, *y, None]
    alone = [
        value is not None and before is None and after is None
        for before, value, after in zip(padded, y, padded[2:], strict=False)
    ]
    return ("lines+markers", [POINT * one for one in alone]) if any(alone) else ("lines", POINT)
