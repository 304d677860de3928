"""Median effective learning rate of each tensor, with the chosen tensor's band."""

from app.chart import Chart, figure, line, of_tensors
from app.traces import TENSOR

CHART = Chart(
    about="run",
    figure=figure(
        "Effective learning rate per tensor, η/(√v̂+ε)",
        "effective learning rate",
        *of_tensors("effective_lr_median", "median"),
        line(f"{TENSOR}/effective_lr_q10", "10 %", "dot", detail=True),
        line(f"{TENSOR}/effective_lr_q90", "90 %", "dot", detail=True),
    ),
    caption="What gradients are multiplied by: the band spans all tensors, lines are the chosen one.",
    what=(
        "What each coordinate's step direction is multiplied by: the median over each tensor (faint), and"
        " for the chosen tensor the band that holds the middle 80 %. It is one definition of several, "
        "with ε outside the root as in torch."
    ),
    latex=r"\alpha_t = \frac{\eta}{\sqrt{\hat{v}_t} + \epsilon}",
    order=120,
    opening=True,
    log_y=True,
)
