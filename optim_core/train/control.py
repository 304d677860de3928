"""Between the loop and the sink: numbering frames, and doing what `Control` asks for.

Events of a run are ``{"step", "kind", "text", …}``: "setting" (with ``name``, ``from``, ``to``),
"pause", "resume", "give_way", "outcome" (with ``outcome``). ``step`` is the last step before it happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from optim_core.declare.errors import InvalidInput
from optim_core.experiment import Experiment, TaskProblem
from optim_core.optimizer.torch_optimizer import RuleOptimizer
from optim_core.outcomes import Outcome
from optim_core.transport.control import Control
from optim_core.transport.frames import Frame
from optim_core.transport.sinks import Sink

POLL_S = 0.02  # how often a paused run looks whether it may go on

Event = Mapping[str, Any]


class FrameWriter:
    """Numbers frames and gives them to the sink; remembers the last values it saw."""

    def __init__(self, sink: Sink, run: str):
        self.sink, self._run = sink, run
        self.metrics: dict[str, float] = {}
        self.last_step = 0
        self._seq = 0

    def state_dict(self) -> dict[str, Any]:
        """Where the numbering stands."""
        return {"seq": self._seq, "last_step": self.last_step, "metrics": dict(self.metrics)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._seq, self.last_step = state["seq"], state["last_step"]
        self.metrics = dict(state["metrics"])

    def open(self, about: Mapping[str, Any]) -> None:
        """Tells the sink of the run."""
        self.sink.open(about)

    def write(self, frame: Frame, events: Sequence[Event] = ()) -> None:
        """The next frame; nothing if it holds nothing."""
        rows = len(frame.columns["step"])
        if not rows and not events:
            return
        self.sink.write(replace(frame, run=self._run, seq=self._seq, events=tuple(events)))
        self._seq += 1
        if not rows:
            return
        self.last_step = max(self.last_step, int(frame.steps[-1]))
        for name, values in frame.columns.items():
            if "/" not in name and values.ndim == 1 and name != "step":
                self.metrics[name] = float(values[-1])

    def tell(self, events: Sequence[Event]) -> None:
        """Events alone, as a frame without rows."""
        if events:
            self.write(Frame("", -1, self.last_step, {"step": np.empty(0, dtype=np.float32)}), events)

    def close(self, outcome: Outcome, reason: str, events: Sequence[Event]) -> None:
        """Tells the sink of the end."""
        self.tell(events)
        self.sink.close(outcome.value, reason)


class SettingsControl:
    """The optimizer's settings at every step, as schedules and whoever steers want them."""

    def __init__(self, sink: Sink, optimizer: RuleOptimizer, experiment: Experiment[TaskProblem]):
        self._sink, self._optimizer, self._experiment = sink, optimizer, experiment
        self._hyper = dict(experiment.hyper)
        self._asked: dict[str, float] = {}
        self._singles = 0  # single steps taken
        self._latest: Control | None = None  # holds until the sink has heard of another
        self._moved = False  # since it began, or began again: every turn takes a step at least
        self._stayed = False  # where it was asked to give way and could not
        self._events: list[Event] = []
        self.paused = False
        self.stopped_by = ""  # as `Control.by`

    def state_dict(self) -> dict[str, Any]:
        """What was asked for so far; what that made of the optimizer's settings is with the optimizer."""
        known = {"hyper": dict(self._hyper), "asked": dict(self._asked)}
        latest = self._latest and {**asdict(self._latest), "give_way": False}
        return known | {"singles": self._singles, "paused": self.paused, "latest": latest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._hyper, self._asked = dict(state["hyper"]), dict(state["asked"])
        self._singles, self.paused = state["singles"], state["paused"]
        self._latest = state["latest"] and Control(**state["latest"])

    def take_events(self) -> list[Event]:
        """What happened since this was asked last."""
        events, self._events = self._events, []
        return events

    def may_go_on(self, step: int, *, pause: Callable[[], None], give_way: Callable[[], None]) -> bool:
        """Whether ``step`` may be taken, after waiting out a pause; False when the run is cancelled.

        ``pause`` is called when a pause begins; ``give_way``, once for each time that it is asked for, before
        a step and while it is paused: it returns only where the run has to stay.
        """
        control = self._latest = self._sink.control() or self._latest
        while control is not None:
            self._change(step, control)
            if control.cancel:
                self.stopped_by = control.by
                return False
            if control.paused and not self.paused:
                self.paused = True
                self._happened(step, "pause", "Paused.")
                pause()
            if control.paused and self._singles < control.steps:
                self._singles += 1
                return True
            if not control.give_way:
                self._stayed = False
            elif not self._stayed and (self._moved or self.paused):
                self._stayed = True
                give_way()
            if not control.paused:
                break
            time.sleep(POLL_S)
            control = self._latest = self._sink.control() or self._latest
        if self.paused:
            self.paused = False
            self._happened(step, "resume", "Went on.")
        if control is not None:
            self._singles = control.steps
        self._moved = True
        return True

    def set_rates(self, step: int) -> None:
        """The learning rate and λ of this step."""
        schedule, decay_schedule = (
            self._experiment.optimizer.schedule,
            self._experiment.optimizer.decay_schedule,
        )
        steps = self._experiment.steps
        lr = self._hyper["lr"] * (schedule(step, steps) if schedule else 1.0)
        for group in self._optimizer.param_groups:
            group["lr"], group["initial_lr"] = lr, self._hyper["lr"]
        if "weight_decay" in self._hyper:
            factor = decay_schedule(step, steps) if decay_schedule else 1.0
            for group in self._optimizer.param_groups:
                if group.get("decays"):
                    group["weight_decay"] = self._hyper["weight_decay"] * factor

    def strength(self) -> float:
        """c in the penalised loss L + (c/2)‖θ‖² that λ, and a penalty in the loss, stand for."""
        return self._experiment.rule.decay_strength(self._hyper) + 2.0 * self._experiment.problem.l2_in_loss

    def _change(self, step: int, control: Control) -> None:
        """Sets what is wanted otherwise than before."""
        for name, value in control.hyper.items():
            if self._asked.get(name) == value:
                continue
            self._asked[name] = value
            before = self._hyper.get(name)
            try:
                self._hyper[name] = self._experiment.rule.complete({name: value})[name]
            except InvalidInput as error:
                self._happened(step, "setting", f"Refused: {error}", name=name)
                continue
            if name not in ("lr", "weight_decay"):
                for group in self._optimizer.param_groups:
                    group[name] = self._hyper[name]
            self._happened(
                step, "setting", f"{name}: {before:g} → {value:g}", name=name, **{"from": before, "to": value}
            )

    def _happened(self, step: int, kind: str, text: str, **more: Any) -> None:
        self._events.append({"step": step - 1, "kind": kind, "text": text, **more})
