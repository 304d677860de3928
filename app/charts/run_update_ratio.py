"""The length of each step relative to the tensor."""

from app.chart import Chart, figure, of_tensors

CHART = Chart(
    about="run",
    figure=figure("Update ratio per tensor", "‖Δθ‖ / ‖θ‖", *of_tensors("update_ratio", "ratio")),
    caption="The length of a step beside its tensor; one in a thousand is a rule of thumb.",
    what=(
        "The length of each step relative to the tensor's own. About one in a thousand is a common rule "
        "of thumb."
    ),
    latex=r"\frac{\lVert \theta_t - \theta_{t-1} \rVert}{\lVert \theta_{t-1} \rVert}",
    order=170,
    log_y=True,
)
