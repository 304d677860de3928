"""What a chart is: a Plotly figure without colours, whose traces name the columns that they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import plotly.graph_objects as go

from app.traces import EACH, PALETTE, STATE, TENSOR, Choices, absent, shown, state_of, traces
from optim_core.declare.registry import Catalogue
from optim_core.recording import Recording

Dash = Literal["solid", "dot", "dash", "dashdot"]
LIGHT, HEAVY = 1.1, 2.6  # widths of what stands back and of what matters more, where both are shown


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The declaration that ends a chart file.

    figure   traces with ``meta`` = {"y": column, "label": …}; each is drawn once per run that has the column
    caption  one sentence under the title: what to see
    what     two sentences: what is shown, and how to read it
    latex    the formula of what is shown
    about    "surface": runs on a surface; "run": training runs, whose columns the tracer names
    order    place in the menu
    opening  shown before anybody has chosen charts
    log_y    the vertical axis is logarithmic at first
    """

    figure: go.Figure
    caption: str
    what: str
    latex: str
    order: int
    about: Literal["surface", "run"] = "surface"
    opening: bool = False
    log_y: bool = False

    id: str = ""  # the file's name, given by the registry

    def named(self, name: str, module: object) -> Chart:
        return replace(self, id=name)

    def bind(
        self,
        recordings: Sequence[Recording],
        *,
        palette: Sequence[str] = PALETTE,
        log_y: bool | None = None,
        state: str = "",
        tensor: str = "",
        x: str = "",
        range: tuple[float, float] | None = None,
        smoothing: float = 0.0,
    ) -> go.Figure:
        """The figure filled with these recordings, as the pages draw it.

        ``state`` and ``tensor`` say which of them the columns are about (the first), ``log_y`` is as
        declared where it is left out, ``x`` names a column that stands across instead of the step, ``range``
        are the first and the last step in sight. ``palette`` has eight colours. An annotation says of which
        optimizers no theory gives a line that the chart would have.
        """
        logarithmic = self.log_y if log_y is None else log_y
        choices = Choices(
            state=state_of(recordings, state),
            tensor=tensor,
            x=x,
            logarithmic=logarithmic,
            range=range,
            smoothing=smoothing,
        )
        all_shown = shown(recordings, palette)
        bound = go.Figure(traces(self.figure.data, all_shown, choices), self.figure.layout)
        if note := absent(self.figure.data, all_shown, choices):
            below = {"x": 0, "y": 0, "yshift": -44, "xanchor": "left", "yanchor": "top"}
            bound.add_annotation(text=note, xref="paper", yref="paper", showarrow=False, **below)
        if logarithmic:
            bound.update_yaxes(type="log", exponentformat="power")
        if x:
            bound.update_xaxes(title_text=x)
        elif range is not None:
            bound.update_xaxes(range=range)
        return bound.update_layout(template=None, showlegend=True)

    @property
    def title(self) -> str:
        return str(self.figure.layout.title.text)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its traces show."""
        return tuple(trace.meta["y"] for trace in self.figure.data)

    @property
    def chooses_state(self) -> bool:
        """Whether its columns hold a state's name, for the viewer to choose."""
        return any(STATE in column for column in self.columns)


def figure(title: str, y_axis: str, *traces: go.Scatter, x_axis: str = "step") -> go.Figure:
    """An empty figure of these traces; the viewer gives it data and colours."""
    axes = {"xaxis": {"title": {"text": x_axis}}, "yaxis": {"title": {"text": y_axis}}}
    return go.Figure(list(traces), {"title": {"text": title}, "template": None, **axes})


def line(
    column: str,
    label: str,
    dash: Dash = "solid",
    *,
    width: float | None = None,
    detail: bool = False,
    absent: str = "",
) -> go.Scatter:
    """A trace that shows ``column`` over the steps; ``label`` says in the key what its dash or width means.

    What is ``detail`` is left out where many runs share the chart. ``absent`` says why runs that decay may
    have no such column; ``{runs}`` in it stands for their names.
    """
    meta = {"x": "step", "y": column, "label": label, "detail": detail} | (
        {"absent": absent} if absent else {}
    )
    return go.Scatter(mode="lines", name=label, line={"dash": dash, "width": width}, meta=meta)


def band(low: str, high: str, label: str) -> go.Scatter:
    """The space between two columns, as a faint area."""
    meta = {"x": "step", "y": high, "low": low, "label": label, "detail": True}
    return go.Scatter(mode="lines", name=label, fill="toself", meta=meta)


def of_tensors(metric: str, label: str) -> tuple[go.Scatter, go.Scatter]:
    """A metric of all tensors as a band between the smallest and the largest, and of the chosen one."""
    return band(f"{EACH}/{metric}", f"{EACH}/{metric}", "all tensors"), line(f"{TENSOR}/{metric}", label)


def pair(column: str) -> tuple[go.Scatter, go.Scatter]:
    """Traces for both coordinates: x solid, y dotted."""
    return line(f"{column}_x", "x"), line(f"{column}_y", "y", "dot")


@cache
def charts() -> Mapping[str, Chart]:
    """Every chart by id, in the menu's order."""
    found = Catalogue("app.charts", "CHART", Chart, noun="chart").all()
    return dict(sorted(found.items(), key=lambda item: item[1].order))
