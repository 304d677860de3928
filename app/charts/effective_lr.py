"""The effective learning rate of each coordinate."""

from app.chart import Chart, figure, pair

CHART = Chart(
    figure=figure(
        "Effective learning rate per coordinate, η/(√v̂+ε)", "effective learning rate", *pair("effective_lr")
    ),
    caption="Small where gradients are steep or noisy, large where they are quiet.",
    what=(
        "What each coordinate's step direction is multiplied by: small where gradients are steep or noisy,"
        " large where they are quiet. This is one definition of several, with ε outside the root as in torch;"
        " others put ε inside, leave out the bias correction or measure the rotation per step."
    ),
    latex=r"\alpha_t = \frac{\eta}{\sqrt{\hat{v}_t} + \epsilon}",
    order=20,
    opening=True,
    log_y=True,
)
