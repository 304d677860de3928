"""How far the runs have parted."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure("Distance from the first runner", "distance", line("apart", "apart")),
    caption="All start at one point: whatever stands here is the difference between them.",
    what=(
        "The distance between each runner and the first of the list, at the same step. All start at one"
        " point, so whatever is seen here is the difference between the optimizers."
    ),
    latex=r"\lVert \theta_t - \theta^{(1)}_t \rVert",
    order=65,
    log_y=True,
)
