"""The fraction of each coordinate that decay takes per step, beside what ηλ would take."""

from app.chart import Chart, figure, line, pair

CHART = Chart(
    figure=figure(
        "Decay rate per coordinate, against ηλ",
        "fraction lost per step",
        *pair("decay_rate"),
        line("expected_decay_rate", "ηλ", "dash"),
    ),
    what=(
        "The fraction of each coordinate that decay takes away in one step. Decoupled decay takes the dashed"
        " ηλ from every coordinate; Adam+L2 takes little where gradients are large, and much elsewhere."
    ),
    latex=r"\frac{\delta_t}{\theta_{t-1}}, \quad \eta \lambda",
    order=35,
    opening=True,
    log_y=True,
)
