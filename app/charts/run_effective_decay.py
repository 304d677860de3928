"""The share of each tensor that decay takes per step, against ηλ."""

from app.chart import Chart, figure, line, of_tensors

CHART = Chart(
    about="run",
    figure=figure(
        "Effective decay per tensor, against ηλ",
        "share lost per step",
        *of_tensors("effective_decay", "⟨δ,θ⟩/⟨θ,θ⟩"),
        line("expected_decay", "ηλ", "dash", detail=True),
    ),
    what=(
        "The share of each tensor that decay takes away in one step. Decoupled decay takes the dashed ηλ "
        "from every tensor; Adam+L2 takes little where gradients are large and much where they are small."
    ),
    latex=(
        r"\frac{\langle \delta_t, \theta_{t-1} \rangle}{\langle \theta_{t-1}, \theta_{t-1} \rangle}"
        r", \quad \eta \lambda"
    ),
    order=150,
    opening=True,
    log_y=True,
)
