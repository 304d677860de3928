"""One run as a Python script: torch's own optimizer where it has the rule, ours where it does not."""

from __future__ import annotations

from typing import Any

import torch

from app.compute.trajectories import Walk
from app.export.torch_source import factor_source, functions_source, loss_source
from optim_core.rule import Twin
from optim_core.schedules import Plan
from optim_core.simulate.trajectory import Trajectory


def script_of(walk: Walk) -> str:
    """A runnable script that takes the walk's steps and prints ``x``, ``y`` and the loss at the end."""
    trajectory = walk.run()
    if walk.rule.view:  # its gradient is taken elsewhere than at θ: an ordinary loop cannot do that
        return _with_simulate(walk, trajectory)
    return _with_loop(walk, trajectory)


def _with_loop(walk: Walk, trajectory: Trajectory) -> str:
    problem, steps = trajectory.problem, len(trajectory) - 1
    lr_plan, decay_plan = problem.schedule, problem.decay_schedule
    plans = [plan for plan in (lr_plan, decay_plan) if plan]
    call, ours = _optimizer(walk)
    loss = loss_source(problem.landscape)
    functions = [loss, *functions_source(plans)]
    setup = [f"theta = torch.nn.Parameter(torch.tensor({list(problem.start)!r}, dtype=torch.float64))", call]
    loop = ["optimizer.zero_grad()", "loss(theta).backward()"]
    if problem.noise:
        setup += [
            "# The same noise for every optimizer: a generator of its own, drawn before the run.",
            f"generator = np.random.Generator(np.random.PCG64({problem.seed}))",
            f"noise = torch.from_numpy({problem.noise!r} * generator.standard_normal(({problem.steps}, 2)))",
        ]
        loop.append("theta.grad += noise[step - 1]")
    if lr_plan:
        functions.append(factor_source(lr_plan, problem.steps, "lr_factor"))
        setup += [
            "# LambdaLR counts from 0 and multiplies the learning rate by the factor.",
            "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda index: lr_factor(index + 1))",
        ]
    if decay_plan:
        functions.append(factor_source(decay_plan, problem.steps, "decay_factor"))
        setup.append('weight_decay = optimizer.param_groups[0]["weight_decay"]')
        loop.append('optimizer.param_groups[0]["weight_decay"] = weight_decay * decay_factor(step)')
    loop.append("optimizer.step()")
    if lr_plan:
        loop.append("schedule.step()")
    body = "\n\n".join([*functions, "\n".join(setup)])
    return "\n".join(
        [
            f'"""{_title(walk)}"""',
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


def _optimizer(walk: Walk) -> tuple[str, bool]:
    """The line that builds the optimizer, and whether it takes one of ours."""
    twin, hyper = walk.rule.reference, dict(walk.hyper)
    if isinstance(twin, Twin) and twin.covers(hyper) and _accepts(twin, hyper):
        return f"optimizer = {twin.source('[theta]', hyper)}", False
    given = "".join(f"    {name}={value!r},\n" for name, value in hyper.items())
    reason = f"# torch has no {walk.rule.title} with these settings: this one is Optimscope's own."
    return f'{reason}\noptimizer = oc.make_optimizer(\n    "{walk.rule.id}",\n    [theta],\n{given})', True


def _accepts(twin: Twin, hyper: dict[str, Any]) -> bool:
    """Whether torch's class takes a vector and these values (Muon, for one, wants matrices)."""
    try:
        twin([torch.zeros(2, dtype=torch.float64, requires_grad=True)], **hyper)
    except (ValueError, TypeError, RuntimeError):
        return False
    return True


def _with_simulate(walk: Walk, trajectory: Trajectory) -> str:
    problem, landscape = trajectory.problem, trajectory.problem.landscape
    params = "".join(f", {name}={value!r}" for name, value in landscape.params.items())
    own = f'"{landscape.formula.text}"'
    surface = f'oc.surface("{landscape.surface_id}"{params})' if landscape.surface_id else own
    options: dict[str, Any] = {"start": problem.start, "steps": problem.steps}
    options |= {name: _as_given(plan) for name, plan in _plans(problem).items() if plan}
    options |= {"noise": problem.noise, "seed": problem.seed} if problem.noise else {}
    given = "".join(f"    {name}={value!r},\n" for name, value in {**options, **walk.hyper}.items())
    return "\n".join(
        [
            f'"""{_title(walk)}"""',
            "",
            "import optim_core as oc",
            "",
            "# This rule takes its gradient elsewhere than at the weights, so it brings its own loop.",
            f'run = oc.simulate(\n    {surface},\n    "{walk.rule.id}",\n{given})',
            *_expected(trajectory),
            'print(run["x"][-1], run["y"][-1], run["loss"][-1])',
            "",
        ]
    )


def _plans(problem: Any) -> dict[str, Plan | None]:
    return {"schedule": problem.schedule, "decay_schedule": problem.decay_schedule}


def _as_given(plan: Plan) -> dict[str, Any]:
    return {"id": plan.schedule.id, **plan.settings}


def _title(walk: Walk) -> str:
    landscape = walk.arguments["surface"]
    return f"{walk.rule.title} on {landscape.surface_id or 'a formula'}, as Optimscope runs it."


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
