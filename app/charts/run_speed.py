"""Steps per second."""

from app.chart import Chart, figure, line

CHART = Chart(
    about="run",
    figure=figure("Speed", "steps per second", line("steps_per_second", "speed")),
    caption="How many steps the machine takes each second.",
    what="How many training steps were taken per second. Tracing costs little of it; see the benchmarks.",
    latex=r"\frac{\Delta t}{\Delta s}",
    order=200,
)
