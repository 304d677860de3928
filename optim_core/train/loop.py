"""The one training loop: options, validation, flushing, and obeying whoever steers the run.

Frames of a run, each with its own columns (see `Tracer`): what is known at every step, what is traced,
histograms, and validation (``val_loss``, …). With the validation come ``boundary`` (1, n·n), where the
task has one, and ``path_step``, ``path_x``, ``path_y`` (1, 200): the whole path of the weights so far,
so of these the last row holds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from optim_core.derive import derived
from optim_core.experiment import Experiment, TaskProblem
from optim_core.measure.statistics import METRICS, RATES
from optim_core.measure.tracer import Tracer
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.outcomes import Outcome
from optim_core.recording import Recording
from optim_core.task import Batch
from optim_core.train.control import FrameWriter, SettingsControl
from optim_core.train.weight_path import WeightPath
from optim_core.transport.frames import Frame
from optim_core.transport.sinks import MemorySink, Sink

FLUSH_S = 0.2
FLUSH_BYTES = 256 << 10  # of traced columns in one frame
DIVERGED_AT = 1e10  # the loss at which a run is given up
# With scaled float16 a few infinite losses are how the scale finds its size.
PATIENCE = {"fp16": 25}


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. ``metrics`` are the last values of columns that belong to no tensor.

    ``recording`` is what was measured and what follows from it (see `derived`), where the sink keeps it (a
    `MemorySink`); else None.
    """

    outcome: Outcome
    reason: str
    steps: int  # taken
    seconds: float
    metrics: Mapping[str, float]
    model: nn.Module
    sink: Sink

    @property
    def recording(self) -> Recording | None:
        return derived(self.sink.recording) if isinstance(self.sink, MemorySink) else None


class Loop:
    """Runs the experiment and tells ``sink``; `run` does it once."""

    def __init__(self, experiment: Experiment[TaskProblem], sink: Sink, run: str):
        problem = experiment.problem
        self._experiment, self._problem, self._task = experiment, problem, problem.build()
        self._model = self._task.model
        self._placements = problem.placements(self._model)
        self._optimizer = make_optimizer(experiment.rule, self._groups(), adopt=True, **experiment.hyper)
        options = problem.trace
        self._tracer = Tracer(
            self._optimizer,
            ((p.name, p.parameter) for p in self._placements),
            select=options.select,
            every=options.every,
            histogram_every=options.histogram_every,
            watch=options.watch,
        )
        self._params = [p.parameter for p in self._placements]
        self._path = WeightPath(self._params, problem.steps, problem.seed)
        self._scaler = torch.amp.GradScaler(problem.device.type, enabled=problem.precision == "fp16")
        self._writer = FrameWriter(sink, run)
        self._control = SettingsControl(sink, self._optimizer, experiment)
        self._bad = 0  # losses in a row, up to now, that are not finite
        self._flushed = 0.0
        traced_bytes = 4 * len(self._tracer.names) * len(METRICS + RATES)
        self._flush_steps = max(1, FLUSH_BYTES // traced_bytes) * options.every

    def run(self) -> TrainResult:
        """Trains to the end, whatever it is; an exception is told to the sink and raised again."""
        began = time.perf_counter()
        self._writer.open(self._about())
        try:
            outcome, reason = self._train()
        except KeyboardInterrupt:
            self._end(Outcome.INTERRUPTED, Outcome.INTERRUPTED.sentence)
            raise
        except Exception as error:
            self._end(Outcome.FAILED, f"{type(error).__name__}: {error}")
            raise
        self._end(outcome, reason)
        return TrainResult(
            outcome,
            reason,
            self._writer.last_step,
            time.perf_counter() - began,
            self._writer.metrics,
            self._model,
            self._writer.sink,
        )

    def _train(self) -> tuple[Outcome, str]:
        problem = self._problem
        batches = self._task.batches(problem.batch_size)
        self._model.train()
        for step in range(1, problem.steps + 1):
            if not self._control.may_go_on(step, pause=self._pause):
                end = self._flush()
                by = self._control.stopped_by or "hand"
                return end or (Outcome.CANCELLED, f"Stopped by {by} after step {step - 1}.")
            self._step(step, next(batches))
            self._path.keep(step)
            validate = step % problem.validate_every == 0 or step == problem.steps
            if validate or self._due():
                end = self._flush()
                if end:
                    return end
            if validate:
                self._validate(step)
        return Outcome.FINISHED, Outcome.FINISHED.sentence

    def _due(self) -> bool:
        """Whether to flush: it is time, there is much, or a single step was taken."""
        waiting = self._tracer.step - self._writer.last_step
        late = time.perf_counter() - self._flushed > FLUSH_S
        return late or waiting >= self._flush_steps or self._control.paused

    def _pause(self) -> None:
        """What is to be done when a pause begins: everybody gets to see where the run stands."""
        self._flush()
        self._writer.tell(self._control.take_events())

    def _step(self, step: int, batch: Batch) -> None:
        """One update."""
        problem, optimizer = self._problem, self._optimizer
        self._control.set_rates(step)
        optimizer.zero_grad(set_to_none=True)
        more: dict[str, Tensor | float] = {}
        with self._autocast():
            loss = self._task.loss(self._model, batch)
        total = loss
        if problem.l2_in_loss:
            penalty = problem.l2_in_loss * self._squares()
            total, more["l2_in_loss"] = loss + penalty, penalty.detach()
        self._scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        if problem.clip is not None:
            self._scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(self._params, problem.clip)
            more["grad_norm"] = norm
            more["clip_factor"] = (problem.clip / (norm + 1e-6)).clamp(max=1.0)  # as torch has it
        self._scaler.step(optimizer)
        if self._scaler.is_enabled():
            more["loss_scale"] = self._scaler.get_scale()
            self._scaler.update()
        self._tracer.record(loss.detach(), **more)

    def _flush(self) -> tuple[Outcome, str] | None:
        """Writes what was measured; the end, if a loss among it is one."""
        self._flushed = time.perf_counter()
        frames = self._tracer.flush()
        end, last = self._judge(frames[0]) if frames else (None, 0)
        for frame in frames:
            self._writer.write(frame.until(last), self._control.take_events())
        return end

    def _judge(self, frame: Frame) -> tuple[tuple[Outcome, str] | None, int]:
        """How the run ends by its losses, if it does, and the last step that counts."""
        for step, value in zip(frame.steps.tolist(), frame.columns["loss"].tolist(), strict=True):
            self._bad = 0 if abs(value) < DIVERGED_AT else self._bad + 1
            if self._bad > PATIENCE.get(self._problem.precision, 0):
                if math.isnan(value):
                    return (
                        Outcome.UNDEFINED,
                        f"Stopped at step {step}: the loss is not a number (NaN).",
                    ), step
                reason = f"Diverged at step {step}: the loss reached {value:.3g}."
                return (Outcome.DIVERGED, f"{reason} A smaller learning rate may help."), step
        return None, int(frame.steps[-1])

    @torch.no_grad()
    def _validate(self, step: int) -> None:
        """Evaluates the weights as they are, and shows the boundary and the path."""
        self._optimizer.eval()
        self._model.eval()
        with self._autocast():
            found = dict(self._task.evaluate(self._model))
            drawn = self._task.boundary
            boundary = drawn.evaluate(self._model) if drawn else None
        if self._task.minimum:
            target = self._task.minimum(self._control.strength())
            apart = [(p.parameter - target[p.name]).norm() for p in self._placements]
            found["distance_to_minimum"] = torch.stack(apart).norm()
        self._model.train()
        self._optimizer.train()
        columns = dict(self._path.columns())
        if found:
            values = torch.stack([value.float() for value in found.values()]).cpu().numpy()
            columns |= {name: values[i : i + 1] for i, name in enumerate(found)}
        if boundary is not None:
            columns["boundary"] = boundary.float().cpu().numpy()[None]
        if columns:
            self._writer.write(Frame.at([step], columns))

    def _end(self, outcome: Outcome, reason: str) -> None:
        self._tracer.close()
        event = {"step": self._writer.last_step, "kind": "outcome", "text": reason, "outcome": outcome.value}
        self._writer.close(outcome, reason, [*self._control.take_events(), event])

    def _groups(self) -> list[dict[str, Any]]:
        """Parameter groups as the policy has them; one for a rule without decay."""
        if "weight_decay" not in self._experiment.rule.settings:
            return [{"params": [p.parameter for p in self._placements]}]
        decaying = [p.parameter for p in self._placements if p.decayed]
        others = [p.parameter for p in self._placements if not p.decayed]
        groups: list[dict[str, Any]] = [
            {"params": decaying, "decays": True},
            {"params": others, "decays": False, "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def _squares(self) -> Tensor:
        """Σp² over the tensors that decay."""
        squares = [p.parameter.square().sum() for p in self._placements if p.decayed]
        return torch.stack(squares).sum() if squares else torch.zeros((), device=self._problem.device)

    def _autocast(self) -> AbstractContextManager[object]:
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp16_unscaled": torch.float16}
        dtype = kinds.get(self._problem.precision)
        return torch.autocast(self._problem.device.type, dtype=dtype) if dtype else nullcontext()

    def _about(self) -> dict[str, Any]:
        """What the sink is told of the run."""
        rule = self._experiment.rule
        has_decay = "weight_decay" in rule.settings
        tensors = [
            {
                "name": p.name,
                "shape": list(p.shape),
                "group": 0 if p.decayed or not has_decay else 1,
                "decayed": p.decayed and has_decay,
                "reason": p.reason if has_decay else f"Does not decay: {rule.title} has no decay.",
            }
            for p in self._placements
        ]
        facts = {
            **self._task.facts,
            "examples": self._task.examples,
            "weights": sum(math.prod(p.shape) for p in self._placements),
        }
        if self._task.boundary:
            shown = self._task.boundary
            facts["boundary"] = {
                "box": list(shown.box),
                "n": shown.n,
                "points": [[round(v, 3) for v in point] for point in shown.points.tolist()],
                "labels": shown.labels.int().tolist(),
            }
        return {
            "kind": "train",
            "task": self._problem.task.id,
            "optimizer": rule.id,
            "config": self._experiment.config(),
            "steps": self._problem.steps,
            "tensors": tensors,
            "facts": facts,
        }
