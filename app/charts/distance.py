"""The distance from the nearest global minimum."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure("Distance from the nearest global minimum", "distance", line("distance", "distance")),
    caption="A straight fall is linear convergence; a level end is what noise or decay leaves.",
    what=(
        "How far the weights are from the nearest global minimum of the loss without decay. A straight fall"
        " on the logarithmic axis is linear convergence; a level end shows what noise or decay leaves."
    ),
    latex=r"\min_k \lVert \theta_t - \theta^\ast_k \rVert",
    order=60,
    log_y=True,
)
