"""Accuracy, where the task has one."""

from app.chart import Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure(
        "Accuracy", "accuracy", line("accuracy", "training"), line("val_accuracy", "validation", "dash")
    ),
    what="The share of examples that the model gets right. Tasks without classes have none.",
    latex=r"\frac{\mathrm{right}}{\mathrm{all}}",
    order=115,
)
