"""The length of each tensor."""

from app.chart import Chart, figure, of_tensors

CHART = Chart(
    about="run",
    figure=figure("Weight norm per tensor", "weight norm", *of_tensors("weight_norm", "‖θ‖")),
    caption="Where a norm settles, the gradient's push and the pull of decay are in balance.",
    what=(
        "The length of each tensor (faint) and of the chosen one. Where it settles, the gradient's push "
        "outwards and the pull of decay are in balance."
    ),
    latex=r"\lVert \theta_t \rVert",
    order=130,
    opening=True,
    log_y=True,
)
