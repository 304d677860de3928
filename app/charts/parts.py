"""How far each step goes because of the data, against how far because of decay."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure(
        "Gradient part against decay part of each step",
        "length of the part",
        line("gradient_part_norm", "grad."),
        line("decay_part_norm", "decay", "dash"),
    ),
    caption="Where an optimizer's two lines meet, gradient and decay balance each other.",
    what=(
        "The length of the part of each step that the data caused (solid), and of the part that decay caused"
        " (dashed). Where the two lines of an optimizer meet, gradient and decay hold each other in balance."
    ),
    latex=r"\lVert \alpha_t \odot d_t \rVert, \quad \lVert \delta_t \rVert",
    order=28,
    opening=True,
    log_y=True,
)
