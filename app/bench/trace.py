"""What tracing costs a training loop, beside the bare loop and beside other ways to log as much.

Every contender trains the same model on the same batches in one process. They take turns in short
stretches, each round begun by another, and each is compared with the bare loop of its round, so that what
else the machine does falls on all of them alike. The median over the rounds is told.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from app.bench.targets import Figure
from optim_core.catalogue import as_task
from optim_core.measure.statistics import METRICS, RATES
from optim_core.measure.tracer import Tracer
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.param_groups import split_decay

SEED, FLUSH_S = 0, 0.2
SELDOM = 10  # steps between what trackers are given
LR, DECAY = 1e-3, 1e-2
Step = Callable[[], None]


@dataclass(frozen=True)
class Work:
    """A task to train, and how long a stretch of it is."""

    title: str
    task: str
    settings: Mapping[str, Any]
    stretch: int  # steps
    rounds: int
    targets: Mapping[int, float]  # by how many steps lie between two traced ones


WORKS = (
    Work("nano GPT", "char_gpt", {"size": "nano"}, 20, 24, {1: 1.06, 10: 1.02}),
    Work("digits MLP", "digits_mlp", {}, 100, 24, {10: 1.15, 1: 3.0}),
)


def measure(say: Callable[[str], object] = lambda text: None) -> list[Figure]:
    """All figures; takes about three minutes."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    figures = []
    for work in WORKS:
        with ExitStack() as stack:
            contenders = {"bare": _bare(work, device)}
            for every in work.targets:
                contenders[_ours(every)] = _traced(work, device, every)
            for name, make in _LOGGERS.items():
                if log := make(stack):
                    contenders[f"{name}, {_times(SELDOM)}"] = _logged(work, device, SELDOM, log)
            say(f"{work.title}: {', '.join(contenders)}")
            seconds = _race(contenders, work, device)
        bare = seconds.pop("bare")
        figures.append(Figure(f"{work.title}, bare loop", median(bare) / work.stretch * 1e3, "ms a step"))
        targets = {_ours(every): target for every, target in work.targets.items()}
        for name, taken in seconds.items():
            ratio = median(a / b for a, b in zip(taken, bare, strict=True))
            figures.append(Figure(f"… {name}", ratio, "times as long", targets.get(name), at_least=False))
    return figures


def _times(every: int) -> str:
    return "every step" if every == 1 else f"every {every}th step"


def _ours(every: int) -> str:
    return f"traced {_times(every)}"


def _race(contenders: Mapping[str, Step], work: Work, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each contender's stretches, round by round, after one that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for _ in range(work.rounds + 1):
        for name in order:
            step = contenders[name]
            begin = perf_counter()
            for _ in range(work.stretch):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            taken[name].append(perf_counter() - begin)
        order = order[1:] + order[:1]
    return {name: seconds[1:] for name, seconds in taken.items()}


# --- Contenders: each gives a function that takes one step ----------------------------------------


def _training(work: Work, device: torch.device) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The model, and what computes the next batch's loss and gradients."""
    declared = as_task(work.task)
    task = declared.run(SEED, device, work.settings)
    batches: Iterator[Any] = task.batches(declared.batch_size)

    def backward() -> Tensor:
        loss = task.loss(task.model, next(batches))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    return task.model, backward


def _bare(work: Work, device: torch.device) -> Step:
    return _torch_loop(*_training(work, device))


def _torch_loop(
    model: nn.Module, backward: Callable[[], Tensor], after: Callable[[Tensor], None] = lambda loss: None
) -> Step:
    """What one would write, with torch's quickest AdamW."""
    groups = [{**group} for group in split_decay(model)]
    for group in groups:
        group.setdefault("weight_decay", DECAY)
    optimizer = torch.optim.AdamW(groups, lr=LR, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss = backward()
        optimizer.step()
        after(loss)

    return step


def _traced(work: Work, device: torch.device, every: int) -> Step:
    """The same with AdamW of this package, all its numbers taken of every tensor."""
    model, backward = _training(work, device)
    optimizer = make_optimizer("adamw", split_decay(model), lr=LR, weight_decay=DECAY, adopt=True)
    tracer = Tracer(optimizer, model.named_parameters(), every=every)
    flushed = perf_counter()

    def step() -> None:
        nonlocal flushed
        optimizer.zero_grad()
        loss = backward()
        optimizer.step()
        tracer.record(loss.detach())
        if perf_counter() - flushed > FLUSH_S:
            tracer.flush()
            flushed = perf_counter()

    return step


# --- Others: what they would be given of every tensor ---------------------------------------------

Log = Callable[[int, nn.Module, Tensor], None]


def _logged(work: Work, device: torch.device, every: int, log: Log) -> Step:
    model, backward = _training(work, device)
    count = 0

    def after(loss: Tensor) -> None:
        nonlocal count
        count += 1
        if count % every == 0:
            log(count, model, loss)

    return _torch_loop(model, backward, after)


def _tensorboard(stack: ExitStack) -> Log | None:
    """A histogram of each tensor's weights and one of its gradients."""
    try:
        module = importlib.import_module("torch.utils.tensorboard")
    except ImportError:
        return None
    writer = module.SummaryWriter(stack.enter_context(TemporaryDirectory()))
    stack.callback(writer.close)

    def log(step: int, model: nn.Module, loss: Tensor) -> None:
        writer.add_scalar("loss", loss.item(), step)
        for name, p in model.named_parameters():
            writer.add_histogram(f"{name}/weight", p, step)
            writer.add_histogram(f"{name}/grad", p.grad, step)

    return log


def _scalars(write: Callable[[dict[str, float], int], object]) -> Log:
    """As many numbers of each tensor as a trace has; only two of them are worked out, to its favour."""

    def log(step: int, model: nn.Module, loss: Tensor) -> None:
        params = dict(model.named_parameters())
        grads = [p.grad for p in params.values() if p.grad is not None]
        norms = torch._foreach_norm([p.detach() for p in params.values()]) + torch._foreach_norm(grads)
        values = torch.stack(norms).tolist()
        found = {"loss": loss.item()}
        for i, metric in enumerate(METRICS + RATES):
            offset = i % 2 * len(params)
            found |= {f"{name}/{metric}": values[offset + place] for place, name in enumerate(params)}
        write(found, step)

    return log


def _wandb(stack: ExitStack) -> Log | None:
    """wandb without a network: its own process writes a file."""
    try:
        wandb = importlib.import_module("wandb")
    except ImportError:
        return None
    folder = stack.enter_context(TemporaryDirectory())
    settings = wandb.Settings(silent=True, x_disable_stats=True, x_disable_meta=True, console="off")
    run = wandb.init(project="bench", mode="offline", dir=folder, settings=settings)
    stack.callback(run.finish)
    # The tracker numbers its rows itself: two contenders share one run.
    return _scalars(lambda found, step: run.log(found))


def _trackio(stack: ExitStack) -> Log | None:
    """trackio's local store."""
    folder = stack.enter_context(TemporaryDirectory())
    os.environ.setdefault("TRACKIO_DIR", folder)  # read when it is imported
    try:
        trackio = importlib.import_module("trackio")
    except ImportError:
        return None
    with redirect_stdout(StringIO()):
        run = trackio.init(project="bench", auto_log_gpu=False, auto_log_cpu=False, embed=False)

    def finish() -> None:
        with redirect_stdout(StringIO()):
            trackio.finish()

    stack.callback(finish)
    return _scalars(lambda found, step: run.log(found))


_LOGGERS: Mapping[str, Callable[[ExitStack], Log | None]] = {
    "TensorBoard histograms": _tensorboard,
    "wandb offline": _wandb,
    "trackio": _trackio,
}
