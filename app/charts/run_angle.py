"""How far each tensor turns per step, against the equilibrium that is predicted for it."""

from app.chart import Chart, figure, line, of_tensors

CHART = Chart(
    about="run",
    figure=figure(
        "Angle of each step, against the predicted equilibrium",
        "angle (rad)",
        *of_tensors("angle", "angle"),
        line(
            "expected_angle",
            "equilibrium",
            "dash",
            detail=True,
            absent="No theory gives the angle at equilibrium for {runs}.",
        ),
    ),
    caption="Weights whose length does not matter come to turn by the dashed amount.",
    what=(
        "The angle between a tensor before and after the step. Weights whose scale does not matter turn by"
        " the dashed amount once growth and decay are in balance (Kosson et al. 2024); the formula is"
        " AdamW's, other optimizers have theirs."
    ),
    latex=r"\sqrt{2 \eta \lambda \frac{1-\beta_1}{1+\beta_1}}",
    order=160,
    log_y=True,
)
