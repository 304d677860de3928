"""How a run can end. Divergence is a result to show, not an error."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a run; ``sentence`` says what it means."""

    FINISHED = "finished"
    CONVERGED = "converged"
    DIVERGED = "diverged"
    UNDEFINED = "undefined"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Outcome.FINISHED: "All steps were taken.",
    Outcome.CONVERGED: "All steps were taken, and at the end the weights had come to rest.",
    Outcome.DIVERGED: "The weights grew beyond all bounds; the run stops there.",
    Outcome.UNDEFINED: "A value that is not a finite number came up; the run stops there.",
    Outcome.CANCELLED: "Somebody stopped the run before its last step.",
    Outcome.INTERRUPTED: "The process that trained was stopped before the last step.",
    Outcome.FAILED: "The training program failed; the reason says how.",
}
