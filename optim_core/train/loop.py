"""The one training loop: options, validation, flushing, and obeying whoever steers the run.

Frames of a run, each with its own columns (see `Tracer`): what is known at every step, what is traced,
histograms, and validation (``val_loss``, …). With the validation come ``boundary`` (1, n·n), where the
task has one, and ``path_step``, ``path_x``, ``path_y`` (1, 200): the whole path of the weights so far,
so of these the last row holds.

Between two steps all that a run is can be told (`Loop.state_dict`) and taken up by another `Loop` of the same
experiment, which goes on to the same bits on a CPU. A run that has a place for a checkpoint gives way when
`Control` asks: it leaves this state there (see `optim_core.train.checkpoint`), and raises `GaveWay`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from optim_core.derive import derived
from optim_core.experiment import Experiment, TaskProblem
from optim_core.measure.statistics import METRICS, RATES
from optim_core.measure.tracer import Tracer
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.outcomes import Outcome
from optim_core.param_groups import optimizer_groups
from optim_core.recording import Recording
from optim_core.task import Batch, placed
from optim_core.train import checkpoint
from optim_core.train.about import about
from optim_core.train.control import FrameWriter, SettingsControl
from optim_core.train.divergence import DivergenceCheck, End
from optim_core.train.weight_path import WeightPath
from optim_core.transport.frames import Frame
from optim_core.transport.sinks import MemorySink, Sink

FLUSH_S = 0.2
FLUSH_BYTES = 256 << 10  # of traced columns in one frame


class GaveWay(Exception):
    """The run has left its device; it goes on from its checkpoint."""


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
    """Runs the experiment and tells ``sink``; `run` does it once.

    ``leave_at`` is where its checkpoint goes if it is asked to give way; without it, it stays.
    """

    def __init__(
        self, experiment: Experiment[TaskProblem], sink: Sink, run: str, *, leave_at: Path | None = None
    ):
        problem = experiment.problem
        self._experiment, self._problem, self._task = experiment, problem, problem.build()
        self._model = self._task.model
        self._placements = problem.placements(self._model)
        groups = optimizer_groups(self._placements, decay="weight_decay" in experiment.rule.settings)
        self._optimizer = make_optimizer(experiment.rule, groups, adopt=True, **experiment.hyper)
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
        self._batches = placed(self._task.batches(problem.batch_size))
        self._path = WeightPath(self._params, problem.steps, problem.seed)
        self._scaler = torch.amp.GradScaler(problem.device.type, enabled=problem.precision == "fp16")
        self._writer = FrameWriter(sink, run)
        self._control = SettingsControl(sink, self._optimizer, experiment)
        self._leave_at = leave_at
        self._found_end: End | None = None  # by the losses
        self._seconds = 0.0  # before a checkpoint
        self._divergence = DivergenceCheck(problem.precision)
        self._flushed = 0.0
        traced_bytes = 4 * len(self._tracer.names) * len(METRICS + RATES)
        self._flush_steps = max(1, FLUSH_BYTES // traced_bytes) * options.every

    def state_dict(self) -> dict[str, Any]:
        """All that the run is between two steps, with nothing left to flush: tensors and plain data."""
        return {
            "config": self._experiment.config(),
            "step": self._tracer.step,
            "seconds": self._seconds + time.perf_counter() - self._began,
            "generators": checkpoint.generators(self._problem.device),
            **{name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there, whatever the device; raises InvalidInput for a state of another experiment."""
        checkpoint.check_same(state["config"], self._experiment.config())
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._tracer.step, self._seconds = state["step"], state["seconds"]
        checkpoint.set_generators(self._problem.device, state["generators"])

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own."""
        return {
            "model": self._model,
            "optimizer": self._optimizer,
            "batches": self._batches,
            "path": self._path,
            "scaler": self._scaler,
            "control": self._control,
            "frames": self._writer,
            "divergence": self._divergence,
        }

    def run(self) -> TrainResult:
        """Trains to the end, whatever it is; an exception is told to the sink and raised again.

        Raises GaveWay if it left before.
        """
        self._began = time.perf_counter()
        self._writer.open(about(self._experiment, self._task, self._placements))
        try:
            outcome, reason = self._train()
        except GaveWay:
            self._tracer.close()
            self._writer.sink.leave()
            raise
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
            self._seconds + time.perf_counter() - self._began,
            self._writer.metrics,
            self._model,
            self._writer.sink,
        )

    def _train(self) -> End:
        problem = self._problem
        self._model.train()
        for step in range(self._tracer.step + 1, problem.steps + 1):
            if not self._control.may_go_on(step, pause=self._pause, give_way=self._give_way):
                by = self._control.stopped_by or "hand"
                return self._flush() or (Outcome.CANCELLED, f"Stopped by {by} after step {step - 1}.")
            if self._found_end:
                return self._found_end
            self._step(step, next(self._batches))
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

    def _give_way(self) -> None:
        """Raises GaveWay once the checkpoint is there; says why where it cannot be, and stays."""
        if self._leave_at is None or self._flush():
            return
        self._tell_way(f"Gives way after step {self._tracer.step}.")
        if not self._writer.sink.settle():
            self._tell_way("Keeps its device: what it measured does not arrive.")
            return
        try:
            checkpoint.save(self._leave_at, self.state_dict())
        except checkpoint.CheckpointError as error:
            self._tell_way(f"Keeps its device: {error}.")
            return
        raise GaveWay

    def _tell_way(self, text: str) -> None:
        event = {"step": self._tracer.step, "kind": "give_way", "text": text}
        self._writer.tell([*self._control.take_events(), event])

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

    def _flush(self) -> End | None:
        """Writes what was measured; the end, if a loss among it is one."""
        self._flushed = time.perf_counter()
        frames = self._tracer.flush()
        end, last = self._divergence.read(frames[0]) if frames else (None, 0)
        for frame in frames:
            self._writer.write(frame.until(last), self._control.take_events())
        self._found_end = self._found_end or end
        return self._found_end

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

    def _squares(self) -> Tensor:
        """Σp² over the tensors that decay."""
        squares = [p.parameter.square().sum() for p in self._placements if p.decayed]
        return torch.stack(squares).sum() if squares else torch.zeros((), device=self._problem.device)

    def _autocast(self) -> AbstractContextManager[object]:
        kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp16_unscaled": torch.float16}
        dtype = kinds.get(self._problem.precision)
        return torch.autocast(self._problem.device.type, dtype=dtype) if dtype else nullcontext()
