"""`make_optimizer`: a rule as a torch optimizer, used as people use torch optimizers."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import optim_core as oc
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.rules._kernels import GetParts


def model(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def loss_of(net: nn.Module, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=generator, dtype=torch.float64)
    loss: Tensor = (net(x) - x[:, :3].sin()).square().mean()
    return loss


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(net, step)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def same(a: nn.Module, b: nn.Module, tolerance: float = 1e-12) -> None:
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=tolerance, atol=tolerance)


ALL = sorted(oc.rules())


@pytest.mark.parametrize("rule", ALL)
def test_a_saved_and_loaded_state_goes_on_as_if_nothing_had_happened(rule: str) -> None:
    net = model()
    optimizer = make_optimizer(rule, net.parameters(), lr=0.01)
    train(net, optimizer, 5)
    twin = copy.deepcopy(net)
    resumed = make_optimizer(rule, twin.parameters(), lr=0.5)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert train(net, optimizer, 5) == pytest.approx(train(twin, resumed, 5), rel=1e-12)
    same(net, twin)


@pytest.mark.parametrize("rule", ALL)
def test_a_torch_scheduler_moves_the_learning_rate(rule: str) -> None:
    ours, theirs = model(), model()
    scheduled = make_optimizer(rule, ours.parameters(), lr=0.02)
    by_hand = make_optimizer(rule, theirs.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.StepLR(scheduled, 2, 0.5)
    for step in range(6):
        for group in by_hand.param_groups:
            group |= {"lr": 0.02 * 0.5 ** (step // 2), "initial_lr": 0.02}
        for net, optimizer in ((ours, scheduled), (theirs, by_hand)):
            optimizer.zero_grad()
            loss_of(net, step).backward()
            optimizer.step()
        scheduler.step()
    same(ours, theirs)


def test_groups_have_their_own_settings_and_can_be_added_later() -> None:
    ours, theirs = model(), model()
    mine = make_optimizer(
        "adamw", [{"params": ours[0].parameters(), "weight_decay": 0.5}], lr=0.01, weight_decay=0.0
    )
    its = torch.optim.AdamW(
        [{"params": theirs[0].parameters(), "weight_decay": 0.5}], lr=0.01, weight_decay=0.0
    )
    train(ours, mine, 3)
    train(theirs, its, 3)
    mine.add_param_group({"params": ours[2].parameters(), "lr": 0.1})
    its.add_param_group({"params": theirs[2].parameters(), "lr": 0.1})
    assert train(ours, mine, 5) == pytest.approx(train(theirs, its, 5), rel=1e-10)
    same(ours, theirs, 1e-10)


def test_parameters_without_a_gradient_stay_and_count_their_own_steps() -> None:
    ours, theirs = model(), model()
    mine = make_optimizer("adam_l2", ours.parameters(), lr=0.01, weight_decay=0.1)
    its = torch.optim.Adam(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for step in range(8):
        for net, optimizer in ((ours, mine), (theirs, its)):
            optimizer.zero_grad()
            loss_of(net, step).backward()
            if step % 3 == 0:
                net[0].bias.grad = None
            optimizer.step()
    same(ours, theirs, 1e-10)


def test_weights_changed_from_outside_between_steps_are_seen() -> None:
    ours, theirs = model(), model()
    mine = make_optimizer("adamw", ours.parameters(), lr=0.01)
    its = torch.optim.AdamW(theirs.parameters(), lr=0.01)
    for net, optimizer in ((ours, mine), (theirs, its)):
        train(net, optimizer, 2)
        with torch.no_grad():
            net[0].weight.mul_(0.5)
        train(net, optimizer, 2)
    same(ours, theirs, 1e-10)


def test_closures_and_hooks_work_as_in_torch() -> None:
    net = model()
    optimizer = make_optimizer("sgd", net.parameters(), lr=0.1)
    calls: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))

    def closure() -> float:
        optimizer.zero_grad()
        loss = loss_of(net)
        loss.backward()
        calls.append("closure")
        return float(loss.detach())

    first = float(loss_of(net).detach())
    assert optimizer.step(closure) == first
    assert calls == ["before", "closure", "after"]
    assert float(loss_of(net).detach()) < first


def test_schedule_free_trains_at_y_and_evaluates_at_the_average() -> None:
    rule = oc.rules()["schedule_free_adamw"]
    hyper = rule.complete({"lr": 0.05})
    start, curvature = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64), torch.tensor([1.0, 4.0, 9.0])
    theta, state = start, rule.start(start, hyper)
    parameter = nn.Parameter(start.clone())
    optimizer = make_optimizer(rule, [parameter], lr=0.05)
    for t in range(1, 40):
        seen = rule.look(theta, state, hyper)
        torch.testing.assert_close(parameter.detach(), seen, rtol=1e-12, atol=1e-12)
        parameter.grad = curvature * parameter.detach()
        optimizer.step()
        step, state = rule.update(curvature * seen, state, theta, t, **hyper)
        theta = theta - step.effective_lr * step.direction - step.decay
    optimizer.eval()
    torch.testing.assert_close(parameter.detach(), theta, rtol=1e-12, atol=1e-12)
    optimizer.train()
    torch.testing.assert_close(parameter.detach(), rule.look(theta, state, hyper), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("rule", ALL)
def test_every_rule_runs_in_every_dtype_without_a_loop_over_mixed_groups(
    rule: str, dtype: torch.dtype
) -> None:
    params = [nn.Parameter(torch.ones(4, 3, dtype=d)) for d in (dtype, torch.float64)]
    optimizer = make_optimizer(rule, params)
    for p in params:
        p.grad = torch.full_like(p, 0.5)
    before = [p.detach().clone() for p in params]
    optimizer.step()
    optimizer.step()
    for p, old in zip(params, before, strict=True):
        assert p.dtype == old.dtype
        assert torch.isfinite(p).all()
    assert not torch.equal(params[1].detach(), before[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lr": -1.0}, "lr: got -1"),
        ({"lr": float("nan")}, "nan"),
        ({"speed": 1.0}, "no setting 'speed'"),
        ({"beta1": 1.0}, "below 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(oc.InvalidInput, match=words):
        make_optimizer("adamw", [nn.Parameter(torch.zeros(1))], **arguments)


def test_sparse_gradients_and_whole_numbers_are_refused_in_plain_words() -> None:
    table = nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        make_optimizer("adamw", table.parameters()).step()


FUSED = [rule for rule in ALL if oc.rules()[rule].fused]


@pytest.mark.parametrize("rule", FUSED)
def test_the_one_kernel_makes_the_step_that_the_rule_describes(rule: str) -> None:
    declared = oc.rules()[rule]
    hyper = {"lr": 0.02, "beta1": 0.7, "beta2": 0.95, "eps": 1e-5}
    if "weight_decay" in declared.settings:
        hyper["weight_decay"] = 0.3
    by_kernel, by_rule = model(), model()
    calls = Counter[bool]()

    def counted(grad: Tensor, state: Any, param: Tensor, step: int, **settings: Any) -> GetParts | None:
        assert declared.fused
        before = param.clone()
        (lr, direction, decay), _ = declared.update(grad, state, param, step, **settings)
        made = declared.fused(grad, state, param, step, **settings)
        calls[made is not None] += 1
        if made:
            rate, along, shrink = made()
            described = lr, lr * direction, decay
            for part, wanted in zip((rate, along, shrink * before), described, strict=True):
                torch.testing.assert_close(part, torch.as_tensor(wanted, dtype=part.dtype).expand_as(part))
        return made

    quick = make_optimizer(replace(declared, fused=counted), by_kernel.parameters(), **hyper)
    slow = make_optimizer(replace(declared, fused=None), by_rule.parameters(), **hyper)
    for count, corrected in ((10, True), (2, False), (8, True)):  # a kernel's own count of steps goes on
        for group in (*quick.param_groups, *slow.param_groups):
            group["bias_correction"] = corrected
        train(by_kernel, quick, count)
        train(by_rule, slow, count)
    assert calls == {True: 18, False: 2}
    same(by_kernel, by_rule)
