"""Learning rate and decay strength."""

from app.chart import Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure(
        "Learning rate η and decay strength λ", "η, λ", line("lr", "η"), line("weight_decay", "λ", "dash")
    ),
    caption="η and λ as each step used them; vertical marks are changes by hand.",
    what=(
        "The learning rate and the decay strength at each step, after their schedules and after every "
        "change by hand. Vertical marks are changes by hand."
    ),
    latex=r"\eta_t, \quad \lambda_t",
    order=190,
    log_y=True,
)
