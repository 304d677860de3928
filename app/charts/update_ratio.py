"""The size of each update relative to the weights."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure(
        "Size of the update relative to the weights", "update / weights", line("update_ratio", "|Δθ|/|θ|")
    ),
    caption="A ratio that grows towards one: the weights are being replaced.",
    what=(
        "How large each step is beside the weights that it moves. Deep networks often train well at about"
        " one in a thousand; a ratio that grows towards one means that the weights are being replaced."
    ),
    latex=r"\frac{\lVert \theta_t - \theta_{t-1} \rVert}{\lVert \theta_{t-1} \rVert}",
    order=90,
    log_y=True,
)
