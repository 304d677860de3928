"""Training loss, and validation loss where it was evaluated."""

from app.chart import HEAVY, LIGHT, Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure(
        "Loss", "loss", line("loss", "training", width=LIGHT), line("val_loss", "validation", width=HEAVY)
    ),
    caption="Validation (thick) that rises while training falls is overfitting.",
    what=(
        "The loss on each training batch, and on the validation set whenever it was evaluated. A growing "
        "distance between the two is overfitting."
    ),
    latex=r"f(\theta_t)",
    order=110,
    opening=True,
    log_y=True,
)
