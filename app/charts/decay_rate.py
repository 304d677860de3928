"""The fraction of each coordinate that decay takes per step, beside what ηλ would take."""

from app.chart import Chart, figure, line, pair

CHART = Chart(
    figure=figure(
        "Decay rate per coordinate, against ηλ",
        "fraction lost per step",
        *pair("decay_rate"),
        line("expected_decay_rate", "expected", "dash", absent="No theory gives one decay rate for {runs}."),
        line("reference_decay_rate", "ηλ", "dashdot"),
    ),
    caption="Adam+L2 takes little where gradients are large; AdamW takes ηλ everywhere.",
    what=(
        "The fraction of each coordinate that decay takes away in one step, and what the rule promises"
        " (dashed): AdamW takes ηλ of every coordinate. Adam+L2 promises nothing: beside ηλ (dash-dotted) it"
        " takes little where gradients are large, and much elsewhere."
    ),
    latex=r"\frac{\delta_t}{\theta_{t-1}}, \quad \eta \lambda",
    order=35,
    opening=True,
    log_y=True,
)
