"""The share of each tensor that decay takes per step, against what the rule promises."""

from app.chart import Chart, figure, line, of_tensors

CHART = Chart(
    about="run",
    figure=figure(
        "Effective decay per tensor, against the expected rate",
        "share lost per step",
        *of_tensors("effective_decay", "⟨δ,θ⟩/⟨θ,θ⟩"),
        line(
            "expected_decay_rate",
            "expected",
            "dash",
            detail=True,
            absent="No theory gives one decay rate for {runs}.",
        ),
    ),
    caption="AdamW takes ηλ of every tensor; Adam+L2 takes little where gradients are large.",
    what=(
        "The share of each tensor that decay takes away in one step, and what the rule promises (dashed):"
        " AdamW takes ηλ of every tensor. Adam+L2 promises nothing: it takes little where gradients are"
        " large and much where they are small."
    ),
    latex=(
        r"\frac{\langle \delta_t, \theta_{t-1} \rangle}{\langle \theta_{t-1}, \theta_{t-1} \rangle}"
        r", \quad \eta \lambda"
    ),
    order=150,
    opening=True,
    log_y=True,
)
