"""The distribution of the chosen tensor's effective learning rates over time."""

import plotly.graph_objects as go

from app.chart import Chart, figure
from app.traces import TENSOR

CHART = Chart(
    about="run",
    figure=figure(
        "Effective learning rates of the chosen tensor over time",
        "log₂ of the effective learning rate",
        go.Heatmap(meta={"x": "step", "y": f"{TENSOR}/effective_lr_hist", "label": "share of coordinates"}),
    ),
    caption="Dark is where most coordinates are, in powers of two.",
    what=(
        "Each column of the picture is a histogram of the tensor's effective learning rates at one step, on a"
        " scale of powers of two. Dark is where most coordinates are."
    ),
    latex=r"\log_2 \alpha_t",
    order=210,
)
