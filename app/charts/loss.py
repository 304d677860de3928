"""The loss at every step; under coupled decay also the penalised loss that the rule descends."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure("Loss", "loss", line("loss", "loss"), line("penalised_loss", "+ penalty", "dash")),
    caption="Dashed is what coupled decay really descends: the loss plus its penalty.",
    what=(
        "The loss of the data after each step. Under an L2 penalty the dashed line is what the optimizer"
        " really descends: the loss plus the penalty."
    ),
    latex=r"f(\theta_t), \quad f(\theta_t) + \frac{\lambda}{2} \lVert \theta_t \rVert^2",
    order=10,
    opening=True,
    log_y=True,
)
