"""The largest curvature where the weights are, beside the limit of plain gradient descent."""

from app.chart import Chart, figure, line

CHART = Chart(
    figure=figure(
        "Sharpness, against 2/η",
        "curvature",
        line("sharpness", "λ_max"),
        line("stability_limit", "2/η", "dash"),
    ),
    caption="Above the dashed 2/η plain gradient descent is unstable.",
    what=(
        "The largest eigenvalue of the loss's Hessian at the weights. Plain gradient descent is unstable"
        " where it is above the dashed 2/η; rules that scale their steps have limits of their own."
    ),
    latex=r"\lambda_{\max}(\nabla^2 f(\theta_t)), \quad \frac{2}{\eta}",
    order=70,
    log_y=True,
)
