"""Accuracy, where the task has one."""

from app.chart import HEAVY, LIGHT, Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure(
        "Accuracy",
        "accuracy",
        line("accuracy", "training", width=LIGHT),
        line("val_accuracy", "validation", width=HEAVY),
    ),
    caption="The share of examples that are right; the thick line is validation.",
    what="The share of examples that the model gets right. Tasks without classes have none.",
    latex=r"\frac{\mathrm{right}}{\mathrm{all}}",
    order=115,
)
