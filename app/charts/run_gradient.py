"""The norm of the whole gradient, and what clipping left of it."""

from app.chart import Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure(
        "Gradient norm and clip factor",
        "norm, factor",
        line("grad_norm", "gradient norm"),
        line("clip_factor", "clip factor", "dash"),
    ),
    caption="A clip factor below one is a step that was clipped.",
    what=(
        "The norm of the gradient over all tensors before clipping, and the factor that clipping "
        "multiplied it by. A factor below one is a step that was clipped."
    ),
    latex=r"\lVert g_t \rVert",
    order=180,
    log_y=True,
)
