"""The part of each update that exists only because of the decay strength."""

from app.chart import Chart, figure, pair

CHART = Chart(
    figure=figure("Decay part of the update per coordinate", "decay part", *pair("decay_part")),
    caption="Adam+L2 sends decay through its moments, AdamW takes it straight from the weight.",
    what=(
        "How far each step moved each coordinate because of λ alone. Adam+L2 passes it through the moments,"
        " AdamW takes it straight from the weight."
    ),
    latex=r"\delta_t",
    order=31,
)
