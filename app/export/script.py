"""One run as a Python script: torch's own optimizer where it has the rule, ours where it does not."""

from __future__ import annotations

from typing import Any

import torch

from app.export.torch_source import factor_source, functions_source, loss_source
from optim_core.experiment import Experiment, SurfaceProblem
from optim_core.rule import Twin
from optim_core.simulate.trajectory import Trajectory, run


def script_of(experiment: Experiment[SurfaceProblem]) -> str:
    """A runnable script that takes the experiment's steps and prints ``x``, ``y`` and the loss at the end."""
    trajectory = run(experiment)
    if experiment.rule.view:  # its gradient is taken elsewhere than at θ: an ordinary loop cannot do that
        return _with_simulate(trajectory)
    return _with_loop(trajectory)


def _with_loop(trajectory: Trajectory) -> str:
    experiment, problem, steps = trajectory.experiment, trajectory.problem, len(trajectory) - 1
    lr_schedule, decay_schedule = experiment.optimizer.schedule, experiment.optimizer.decay_schedule
    schedules = [schedule for schedule in (lr_schedule, decay_schedule) if schedule]
    call, ours = _optimizer(experiment)
    loss = loss_source(problem.landscape)
    functions = [loss, *functions_source(schedules)]
    setup = [f"theta = torch.nn.Parameter(torch.tensor({list(problem.start)!r}, dtype=torch.float64))", call]
    loop = ["optimizer.zero_grad()", "loss(theta).backward()"]
    if problem.noise:
        setup += [
            "# The same noise for every optimizer: a generator of its own, drawn before the run.",
            f"generator = np.random.Generator(np.random.PCG64({problem.seed}))",
            f"noise = torch.from_numpy({problem.noise!r} * generator.standard_normal(({problem.steps}, 2)))",
        ]
        loop.append("theta.grad += noise[step - 1]")
    if problem.clip is not None:
        loop.append(f"torch.nn.utils.clip_grad_norm_([theta], {problem.clip!r})")
    if lr_schedule:
        functions.append(factor_source(lr_schedule, problem.steps, "lr_factor"))
        setup += [
            "# LambdaLR counts from 0 and multiplies the learning rate by the factor.",
            "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda index: lr_factor(index + 1))",
        ]
    if decay_schedule:
        functions.append(factor_source(decay_schedule, problem.steps, "decay_factor"))
        setup.append('weight_decay = optimizer.param_groups[0]["weight_decay"]')
        loop.append('optimizer.param_groups[0]["weight_decay"] = weight_decay * decay_factor(step)')
    loop.append("optimizer.step()")
    if lr_schedule:
        loop.append("schedule.step()")
    body = "\n\n".join([*functions, "\n".join(setup)])
    return "\n".join(
        [
            f'"""{_title(trajectory.experiment)}"""',
            "",
            *_imports(body, ours),
            "",
            "",
            body,
            "",
            *_early_end(trajectory),
            f"for step in range(1, {steps} + 1):",
            *(f"    {line}" for line in loop),
            "",
            *_expected(trajectory),
            "x, y = theta.tolist()",
            "print(x, y, loss(theta).item())",
            "",
        ]
    )


def _optimizer(experiment: Experiment[SurfaceProblem]) -> tuple[str, bool]:
    """The line that builds the optimizer, and whether it takes one of ours."""
    rule, hyper = experiment.rule, dict(experiment.hyper)
    twin = rule.reference
    if isinstance(twin, Twin) and twin.covers(hyper) and _accepts(twin, hyper):
        return f"optimizer = {twin.source('[theta]', hyper)}", False
    given = "".join(f"    {name}={value!r},\n" for name, value in hyper.items())
    reason = f"# torch has no {rule.title} with these settings: this one is Optimscope's own."
    return f'{reason}\noptimizer = oc.make_optimizer(\n    "{rule.id}",\n    [theta],\n{given})', True


def _accepts(twin: Twin, hyper: dict[str, Any]) -> bool:
    """Whether torch's class takes a vector and these values (Muon, for one, wants matrices)."""
    try:
        twin([torch.zeros(2, dtype=torch.float64, requires_grad=True)], **hyper)
    except (ValueError, TypeError, RuntimeError):
        return False
    return True


def _with_simulate(trajectory: Trajectory) -> str:
    experiment, problem = trajectory.experiment, trajectory.problem
    landscape = problem.landscape
    params = "".join(f", {name}={value!r}" for name, value in landscape.params.items())
    own = f'"{landscape.formula.text}"'
    surface = f'oc.surface("{landscape.surface_id}"{params})' if landscape.surface_id else own
    options: dict[str, Any] = {"start": problem.start, "steps": problem.steps}
    chosen = experiment.optimizer
    schedules = {"schedule": chosen.schedule, "decay_schedule": chosen.decay_schedule}
    options |= {name: schedule.config() for name, schedule in schedules.items() if schedule}
    options |= {"noise": problem.noise, "seed": problem.seed} if problem.noise else {}
    options |= {} if problem.clip is None else {"clip": problem.clip}
    given = "".join(f"    {name}={value!r},\n" for name, value in {**options, **experiment.hyper}.items())
    return "\n".join(
        [
            f'"""{_title(trajectory.experiment)}"""',
            "",
            "import optim_core as oc",
            "",
            "# This rule takes its gradient elsewhere than at the weights, so it brings its own loop.",
            f'run = oc.simulate(\n    {surface},\n    "{experiment.rule.id}",\n{given})',
            *_expected(trajectory),
            'print(run["x"][-1], run["y"][-1], run["loss"][-1])',
            "",
        ]
    )


def _title(experiment: Experiment[SurfaceProblem]) -> str:
    landscape, (x, y) = experiment.problem.landscape, experiment.problem.start
    surface = landscape.surface_id or "a formula"
    return f"{experiment.rule.title} on {surface} from ({x!r}, {y!r}), as Optimscope runs it."


def _imports(body: str, ours: bool) -> list[str]:
    standard = ["import math", ""] if "math." in body else []
    numpy = ["import numpy as np"] if "np." in body else []
    return [*standard, *numpy, "import torch", *(["", "import optim_core as oc"] if ours else [])]


def _early_end(trajectory: Trajectory) -> list[str]:
    steps = trajectory.problem.steps
    return [f"# {trajectory.reason}"] if len(trajectory) - 1 < steps else []


def _expected(trajectory: Trajectory) -> list[str]:
    x, y = float(trajectory["x"][-1]), float(trajectory["y"][-1])
    return [f"# Optimscope's own run ended at x = {x!r}, y = {y!r}."]
