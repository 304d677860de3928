"""The learning rate and the decay strength as the schedules set them."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure(
        "Learning rate η and decay strength λ over the run",
        "η, λ",
        line("lr", "η"),
        line("weight_decay", "λ", "dash"),
    ),
    caption="AdamW multiplies the two: its decay fades with the learning rate.",
    what=(
        "The learning rate and the decay strength that each step used, as scheduled. AdamW multiplies"
        " the two, so its decay fades with the learning rate unless λ has a schedule of its own."
    ),
    latex=r"\eta_t, \quad \lambda_t",
    order=80,
)
