"""The chosen tensor's step, split."""

from app.chart import Chart, figure, line
from app.traces import TENSOR

CHART = Chart(
    about="run",
    figure=figure(
        "Gradient part against decay part of the chosen tensor",
        "length of the part",
        line(f"{TENSOR}/gradient_part_norm", "gradient"),
        line(f"{TENSOR}/decay_part_norm", "decay", "dash"),
    ),
    caption="Where the two lines meet, gradient and decay balance each other.",
    what=(
        "The length of the part of each step that the data caused (solid), and of the part that decay "
        "caused (dashed). Together they are the step, exactly."
    ),
    latex=r"\lVert \alpha_t \odot d_t \rVert, \quad \lVert \delta_t \rVert",
    order=140,
    opening=True,
    log_y=True,
)
