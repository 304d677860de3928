"""What the optimizer remembers: any of its state, per coordinate."""

from app.chart import Chart, figure, pair
from app.traces import STATE

CHART = Chart(
    figure=figure("Optimizer state per coordinate", "state", *pair(STATE)),
    caption="What the optimizer carries from step to step, under its name in the equations.",
    what=(
        "The averages and buffers that the optimizer carries from step to step, each under its name in the"
        " equations. Choose one above the chart; optimizers without that state have no line."
    ),
    latex=r"m_t, \; v_t, \; \ldots",
    order=100,
)
