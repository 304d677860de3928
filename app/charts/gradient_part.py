"""The part of each update that the data's gradient caused."""

from app.chart import Chart, figure, pair

CHART = Chart(
    figure=figure("Gradient part of the update per coordinate", "gradient part", *pair("gradient_part")),
    caption="How far the data alone moves each coordinate in one step.",
    what=(
        "How far each step moved each coordinate because of the data. Together with the decay part it is the"
        " whole step, exactly."
    ),
    latex=r"\alpha_t \odot d_t",
    order=30,
)
