"""The length of the weight vector."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure("Weight norm", "weight norm", line("weight_norm", "‖θ‖")),
    caption="Where it settles, the gradient's push and the pull of decay are in balance.",
    what=(
        "The distance of the weights from the origin, towards which decay pulls. Where it settles, the"
        " gradient's push outwards and the pull of decay are in balance."
    ),
    latex=r"\lVert \theta_t \rVert = \sqrt{x_t^2 + y_t^2}",
    order=40,
    opening=True,
)
