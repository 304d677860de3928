"""Every rule that torch has too, beside torch's optimizer, used in all the ways in which people use torch's.

The witness is ``torch.optim`` itself: the same gradients, a hundred steps, and between them what
schedulers, checkpoints, copies, scalers and other precisions do to an optimizer.
"""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from rule_cases import Bowl, Case, cases, in_torch
from torch import nn
from torch.optim import lr_scheduler

import optim_core as oc
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.rule import Twin

STEPS = 100
SHAPES = ((), (1,), (7,), (5, 3), (2, 3, 4))
BOWLS = [Bowl(shape, STEPS) for shape in SHAPES]
TWINS = [case for case in in_torch(cases()) if isinstance(case.rule.reference, Twin)]
ONE_EACH = list({case.rule.id: case for case in TWINS}.values())
Build = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def each(found: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", found, ids=lambda case: case.name)


def ours(case: Case, **more: Any) -> Build:
    return lambda params: make_optimizer(case.rule, params, **{**case.hyper, **more})


def theirs(case: Case, **more: Any) -> Build:
    def build(params: list[nn.Parameter]) -> torch.optim.Optimizer:
        twin = case.rule.reference
        assert isinstance(twin, Twin)
        return getattr(torch.optim, twin.name)(params, **{**twin.arguments(case.hyper), **more})  # type: ignore[no-any-return]

    return build


def tensors(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    return [nn.Parameter(torch.tensor(bowl.start, dtype=dtype)) for bowl in BOWLS]


def give_gradients(params: list[nn.Parameter], t: int, *, scale: float = 1.0) -> None:
    for p, bowl in zip(params, BOWLS, strict=True):
        p.grad = torch.tensor(scale * bowl.gradient(p.detach().double().numpy(), t), dtype=p.dtype)


@contextmanager
def double_scalars(dtype: torch.dtype) -> Iterator[None]:
    """torch keeps some scalars of its own, as NAdam's product of momenta, in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if dtype == torch.float64 else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def steps(
    params: list[nn.Parameter], optimizer: torch.optim.Optimizer, first: int = 1, last: int = STEPS
) -> None:
    with double_scalars(params[0].dtype):
        for t in range(first, last + 1):
            give_gradients(params, t)
            optimizer.step()


def run(build: Build, dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    params = tensors(dtype)
    with double_scalars(dtype):
        optimizer = build(params)
    steps(params, optimizer)
    return params


def same(a: list[nn.Parameter], b: list[nn.Parameter], rel: float = 1e-10) -> None:
    for mine, its in zip(a, b, strict=True):
        scale = float(its.detach().abs().max()) if its.numel() else 0.0
        torch.testing.assert_close(mine.detach(), its.detach(), rtol=0.0, atol=rel * scale)


def distance(a: list[nn.Parameter], b: list[nn.Parameter]) -> float:
    return math.hypot(
        *(float((p.detach().double() - q.detach().double()).norm()) for p, q in zip(a, b, strict=True))
    )


# --- Precisions ----------------------------------------------------------------------------------


@each(TWINS)
def test_in_64_and_32_bits_a_hundred_steps_are_torchs(case: Case) -> None:
    for dtype, rel in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        same(run(ours(case), dtype), run(theirs(case), dtype), rel)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
@each(TWINS)
def test_in_16_bits_we_are_no_farther_from_the_exact_result_than_torch(
    case: Case, dtype: torch.dtype
) -> None:
    exact = run(theirs(case))
    its = distance(run(theirs(case), dtype), exact)
    mine = distance(run(ours(case), dtype), exact)
    assert mine <= 1.2 * its or not math.isfinite(its), (mine, its)


def test_coupled_decay_is_not_rounded_away_in_16_bits() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1000, 256, generator=generator)
    means = {}
    for dtype in (torch.float64, torch.bfloat16):
        p = nn.Parameter(torch.full((256,), 4.0, dtype=dtype))
        optimizer = make_optimizer("sgd_l2", [p], lr=0.1, weight_decay=0.01)
        for row in noise:
            p.grad = row.to(dtype)
            optimizer.step()
        means[dtype] = float(p.detach().double().mean())
    mean = 4.0 * 0.999**1000 - 0.1 * float(
        (noise * 0.999 ** torch.arange(999, -1, -1)[:, None]).sum(0).mean()
    )
    assert means[torch.float64] == pytest.approx(mean, rel=1e-5)
    assert means[torch.bfloat16] == pytest.approx(mean, rel=0.05)  # torch's is 1.719, the exact one 1.731


SQUARING = sorted(name for name, rule in oc.rules().items() if {"v", "s"} & set(rule.state_names))
PLAIN_SUM = {"adagrad"}  # adds g² itself, as torch does: infinite is what it is


@pytest.mark.parametrize(
    ("rule", "dtype"),
    [
        pytest.param(rule, dtype, id=f"{rule}-{dtype}")
        for rule in SQUARING
        for dtype in (torch.float16, torch.float32, torch.float64)
        if rule not in PLAIN_SUM or dtype == torch.float16
    ],
)
def test_a_gradient_whose_square_overflows_does_not_stop_a_weight(rule: str, dtype: torch.dtype) -> None:
    """(1−β₂)·g² is finite where g² is not; fp16 `adam` stayed at 1.0 for ever, torch comes to 0.9248."""
    large = {torch.float16: 300.0, torch.float32: 2e19, torch.float64: 1.5e154}[dtype]
    p = nn.Parameter(torch.ones(4, dtype=dtype))
    decay = {"weight_decay": 0.0} if "weight_decay" in oc.rules()[rule].settings else {}
    optimizer = make_optimizer(rule, [p], lr=1.0 if rule == "adadelta" else 1e-2, **decay)
    for g in [large] + [1.0] * 59:
        p.grad = torch.full_like(p, g)
        optimizer.step()
    assert torch.isfinite(p).all()
    assert (p.detach() != 1.0).all()
    if rule == "adam" and dtype == torch.float16:
        assert p.tolist() == pytest.approx([0.9248] * 4, abs=0.02)


# --- Schedulers ----------------------------------------------------------------------------------


def moving(case: Case) -> bool:
    """Whether it has a momentum to cycle, and torch still has the rule when that moves."""
    twin, settings = case.rule.reference, case.rule.settings
    return (
        isinstance(twin, Twin) and "momentum" not in twin.only and bool({"momentum", "beta1"} & {*settings})
    )


def sequence(o: torch.optim.Optimizer, make: Callable[..., Any]) -> Any:
    return make([lr_scheduler.ConstantLR(o, 0.3, 20), lr_scheduler.ExponentialLR(o, 0.97)])


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer, bool], Any]] = {
    "LambdaLR": lambda o, m: lr_scheduler.LambdaLR(o, lambda s: 0.98**s),
    "MultiplicativeLR": lambda o, m: lr_scheduler.MultiplicativeLR(o, lambda s: 0.99),
    "StepLR": lambda o, m: lr_scheduler.StepLR(o, 30, 0.3),
    "MultiStepLR": lambda o, m: lr_scheduler.MultiStepLR(o, [20, 60], 0.3),
    "ConstantLR": lambda o, m: lr_scheduler.ConstantLR(o, 0.2, 30),
    "LinearLR": lambda o, m: lr_scheduler.LinearLR(o, 0.1, 1.0, 40),
    "ExponentialLR": lambda o, m: lr_scheduler.ExponentialLR(o, 0.97),
    "PolynomialLR": lambda o, m: lr_scheduler.PolynomialLR(o, 90, 2.0),
    "CosineAnnealingLR": lambda o, m: lr_scheduler.CosineAnnealingLR(o, 50),
    "CosineAnnealingWarmRestarts": lambda o, m: lr_scheduler.CosineAnnealingWarmRestarts(o, 20),
    "SequentialLR": lambda o, m: sequence(o, lambda made: lr_scheduler.SequentialLR(o, made, [25])),
    "ChainedScheduler": lambda o, m: sequence(o, lambda made: lr_scheduler.ChainedScheduler(made)),
    "CyclicLR": lambda o, m: lr_scheduler.CyclicLR(o, 1e-4, 3e-3, 15, cycle_momentum=m),
    "OneCycleLR": lambda o, m: lr_scheduler.OneCycleLR(o, 3e-3, STEPS + 1, cycle_momentum=m),
    "ReduceLROnPlateau": lambda o, m: lr_scheduler.ReduceLROnPlateau(o, patience=5),
}


def test_every_scheduler_of_torch_is_tried() -> None:
    assert {*SCHEDULERS} == {*lr_scheduler.__all__} - {"LRScheduler"}


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # SequentialLR itself still passes it
@pytest.mark.parametrize("name", SCHEDULERS)
@each(ONE_EACH)
def test_under_every_scheduler_the_steps_are_torchs(case: Case, name: str) -> None:
    found, base = [], 0.5 * case.hyper["lr"]
    for build in (ours(case), theirs(case)):
        params = tensors()
        with double_scalars(torch.float64):
            optimizer = build(params)
        optimizer.param_groups[0]["lr"] = base  # set by hand before the scheduler: its base rate
        scheduler = SCHEDULERS[name](optimizer, moving(case))
        rates = []
        for t in range(1, STEPS + 1):
            rates.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0].get("betas")))
            steps(params, optimizer, t, t)
            scheduler.step(1.0) if name == "ReduceLROnPlateau" else scheduler.step()
        found.append((params, rates))
    (mine, my_rates), (its, its_rates) = found
    assert [lr for lr, _ in my_rates] == [lr for lr, _ in its_rates]
    same(mine, its)


def test_a_base_rate_set_before_the_scheduler_is_its_base_rate() -> None:
    p = nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer("adamw", [p], lr=0.01)
    assert "initial_lr" not in optimizer.param_groups[0]
    optimizer.param_groups[0]["lr"] = 5e-4
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda s: 0.9**s)
    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([5e-4, 4.5e-4, 4.05e-4])


@pytest.mark.parametrize(
    "rule", [n for n, r in oc.rules().items() if "momentum" in r.settings or r.pairs.get("betas")]
)
def test_one_cycle_cycles_the_momentum_of_every_rule_that_has_one(rule: str) -> None:
    p = nn.Parameter(torch.ones(3, 2))
    optimizer = make_optimizer(rule, [p])
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10)
    seen = []
    for _ in range(10):
        group = optimizer.param_groups[0]
        seen.append(group["betas"][0] if "betas" in group else group["momentum"])
        p.grad = torch.ones_like(p)
        optimizer.step()
        if len(seen) < 10:
            scheduler.step()
    assert max(seen) == pytest.approx(0.95)
    assert min(seen) == pytest.approx(0.85, abs=0.01)


def test_a_cycled_momentum_is_refused_where_the_rule_has_none() -> None:
    with pytest.raises(ValueError, match="momentum"):
        lr_scheduler.OneCycleLR(make_optimizer("adagrad", [nn.Parameter(torch.ones(1))]), 0.1, total_steps=9)


def test_the_factor_that_adamw_lh_follows_is_the_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own one_cycle is at most 1, and so is torch's OneCycleLR, which says where its peak is."""
    decays = {}
    for name in ("OneCycleLR", "LambdaLR", "ReduceLROnPlateau", "none"):
        p = nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimizer = make_optimizer("adamw_lh", [p], lr=0.01, weight_decay=1e-3)
        optimizer.param_groups[0]["lr"] = 0.004
        scheduler = SCHEDULERS[name](optimizer, True) if name != "none" else None
        found = []
        for _ in range(STEPS):
            before = p.item()
            p.grad = torch.zeros_like(p)
            optimizer.step()
            found.append((1.0 - p.item() / before) / 1e-3)
            if scheduler:
                scheduler.step(1.0) if name == "ReduceLROnPlateau" else scheduler.step()
        decays[name] = found
    own = oc.schedules()["one_cycle"].at().factors(STEPS + 1)[:STEPS]
    assert decays["OneCycleLR"] == pytest.approx(own, rel=1e-9)
    assert max(decays["OneCycleLR"]) <= 1.0 + 1e-9
    assert decays["LambdaLR"] == pytest.approx([0.98**s for s in range(STEPS)], rel=1e-9)
    assert decays["none"] == decays["ReduceLROnPlateau"] == pytest.approx([1.0] * STEPS, rel=1e-9)


# --- Copies and checkpoints ----------------------------------------------------------------------


@each(TWINS)
def test_a_copy_and_a_pickle_go_on_as_the_optimizer_itself(case: Case) -> None:
    params = tensors()
    optimizer = ours(case)(params)
    steps(params, optimizer, 1, 40)
    copied, copy_of = copy.deepcopy((params, optimizer))
    pickled, pickle_of = pickle.loads(pickle.dumps((params, optimizer)))
    for some, its in ((params, optimizer), (copied, copy_of), (pickled, pickle_of)):
        assert its.rule is case.rule
        steps(some, its, 41)
    for some in (copied, pickled):
        assert all(torch.equal(a, b) for a, b in zip(params, some, strict=True))
    same(params, run(theirs(case)))


@pytest.mark.parametrize("rule", sorted(oc.rules()))
def test_every_rule_survives_a_copy_and_a_pickle(rule: str) -> None:
    params = tensors()
    optimizer = make_optimizer(rule, params, lr=1e-3)
    steps(params, optimizer, 1, 5)
    others = [copy.deepcopy((params, optimizer)), pickle.loads(pickle.dumps((params, optimizer)))]
    steps(params, optimizer, 6, 10)
    for some, its in others:
        steps(some, its, 6, 10)
        assert all(torch.equal(a, b) for a, b in zip(params, some, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@each(TWINS)
def test_a_checkpoint_goes_on_as_torch_would_in_both_directions(case: Case, dtype: torch.dtype) -> None:
    rel = 1e-10 if dtype == torch.float64 else 1e-5
    exact = run(theirs(case), dtype)
    for first, second in ((theirs(case), ours(case)), (ours(case), theirs(case)), (ours(case), ours(case))):
        params = tensors(dtype)
        with double_scalars(dtype):
            optimizer = first(params)
            steps(params, optimizer, 1, 40)
            saved = copy.deepcopy(optimizer.state_dict())
            other = second(params)
            for group in other.param_groups:  # all settings come from the checkpoint
                group["lr"] = 17.0
            other.load_state_dict(saved)
        steps(params, other, 41)
        same(params, exact, rel)


@each(ONE_EACH)
def test_what_torch_went_on_with_comes_back_as_it_then_is(case: Case) -> None:
    params, saved = tensors(), None
    with double_scalars(torch.float64):
        for build, first, last in ((ours(case), 1, 30), (theirs(case), 31, 60), (ours(case), 61, STEPS)):
            optimizer = build(params)
            if saved:
                optimizer.load_state_dict(saved)
            steps(params, optimizer, first, last)
            saved = copy.deepcopy(optimizer.state_dict())
    same(params, run(theirs(case)))


@pytest.mark.parametrize("rule", sorted(oc.rules()))
def test_a_resumed_run_is_the_run_bit_by_bit_in_every_precision(rule: str) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        whole, parts = tensors(dtype), tensors(dtype)
        one, first = make_optimizer(rule, whole, lr=1e-3), make_optimizer(rule, parts, lr=1e-3)
        steps(whole, one, 1, 20)
        steps(parts, first, 1, 10)
        second = make_optimizer(rule, parts)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        steps(parts, second, 11, 20)
        assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_another_rules_checkpoint_is_refused_by_name() -> None:
    def saved(build: Build) -> dict[str, Any]:
        params = tensors()
        optimizer = build(params)
        steps(params, optimizer, 1, 3)
        return optimizer.state_dict()

    refused = {
        "adamw": (
            (lambda p: torch.optim.AdamW(p, amsgrad=True), "amsgrad"),
            (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "betas|momentum"),
            (lambda p: make_optimizer("adam_l2", p), "penalty|decay"),
        ),
        "adam": ((lambda p: torch.optim.Adam(p, weight_decay=0.1), "weight_decay"),),
        "sgd": ((lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "momentum"),),
        "nesterov": ((lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "nesterov"),),
        "lion": (
            (lambda p: torch.optim.SGD(p, lr=0.1), "beta1"),
            (lambda p: torch.optim.AdamW(p), "eps|decoupled"),
        ),
    }
    for rule, builds in refused.items():
        for build, words in builds:
            with pytest.raises(oc.InvalidInput, match=rf"not one of {oc.rules()[rule].title}: .*({words})"):
                make_optimizer(rule, tensors()).load_state_dict(saved(build))


# --- torch's words -------------------------------------------------------------------------------


def test_groups_and_arguments_go_by_torchs_words_too() -> None:
    found = []
    for build in (
        lambda groups: make_optimizer(
            "adamw", groups, lr=0.01, betas=(0.8, 0.99), maximize=True, fused=False
        ),
        lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.8, 0.99), maximize=True, fused=False),
    ):
        params = tensors()
        optimizer = build(
            [
                {"params": params[:3], "betas": (0.5, 0.9), "foreach": True, "maximize": False},
                {"params": params[3:], "eps": 1e-3, "amsgrad": False, "capturable": False},
            ]
        )
        assert [group["betas"] for group in optimizer.param_groups] == [(0.5, 0.9), (0.8, 0.99)]
        steps(params, optimizer)
        found.append(params)
    same(*found)


@pytest.mark.parametrize("rule", sorted(case.rule.id for case in ONE_EACH))
def test_maximizing_climbs_as_torch_does(rule: str) -> None:
    (case,) = (case for case in ONE_EACH if case.rule.id == rule)
    same(run(ours(case, maximize=True)), run(theirs(case, maximize=True)))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("capturable", True),
        ("differentiable", True),
        ("amsgrad", True),
        ("momentum", 0.9),
        ("betas", 0.9),
        ("betas", (0.9, 1.0)),
        ("maximize", 1),
        ("lr", torch.ones(2)),
    ],
)
def test_words_that_can_not_be_followed_are_refused(word: str, value: object) -> None:
    for groups, more in ((tensors(), {word: value}), ([{"params": tensors(), word: value}], {})):
        with pytest.raises(oc.InvalidInput, match=word if word != "betas" else "beta"):
            make_optimizer("adamw", groups, **more)
    with pytest.raises(oc.InvalidInput, match="weight_decay"):
        make_optimizer("sgd", [{"params": tensors(), "weight_decay": 0.1}])


def test_our_words_written_into_a_group_are_followed() -> None:
    found = []
    for name in ("ours", "torch"):
        params = tensors()
        optimizer = make_optimizer("adamw", params, lr=0.01)
        steps(params, optimizer, 1, 5)
        optimizer.param_groups[0] |= {"beta1": 0.5} if name == "ours" else {"betas": (0.5, 0.999)}
        steps(params, optimizer, 6, 10)
        found.append(params)
    same(*found, rel=0.0)


@each(ONE_EACH)
def test_a_learning_rate_may_be_a_tensor(case: Case) -> None:
    found = []
    for build in (ours, theirs):
        lr = torch.tensor(case.hyper["lr"], dtype=torch.float64)
        params = tensors()
        optimizer = build(case, lr=lr)(params)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.98)
        for t in range(1, STEPS + 1):
            steps(params, optimizer, t, t)
            scheduler.step()
        found.append(params)
    same(*found)


@pytest.mark.parametrize("rule", sorted(oc.rules()))
def test_every_rule_takes_a_tensor_for_its_rate_and_steps_over_empty_tensors(rule: str) -> None:
    found = []
    for lr in (0.0078125, torch.tensor(0.0078125), torch.tensor([0.0078125])):  # exact in any dtype
        params = tensors()
        empty = nn.Parameter(torch.zeros(0, 3))
        empty.grad = torch.zeros(0, 3)
        optimizer = make_optimizer(rule, [*params, empty], lr=lr)
        lr_scheduler.StepLR(optimizer, 3, 0.5)
        steps(params, optimizer, 1, 5)
        found.append(params)
    same(found[0], found[1], rel=0.0)
    same(found[0], found[2], rel=0.0)
    assert all(torch.isfinite(p).all() for p in found[0])
    alone = [nn.Parameter(torch.zeros(0, 3))]
    optimizer = make_optimizer(rule, alone)
    alone[0].grad = torch.zeros(0, 3)
    optimizer.step()


# --- Scaled gradients, other dtypes on the way, ages -----------------------------------------------


@each(ONE_EACH)
def test_a_gradient_scaler_skips_and_unscales_as_with_torch(case: Case) -> None:
    found = []
    for build in (ours(case), theirs(case)):
        params = tensors(torch.float32)
        optimizer = build(params)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=10)
        for t in range(1, STEPS + 1):
            give_gradients(params, t, scale=scaler.get_scale())
            if t % 9 == 0:
                params[3].grad[0, 0] = math.inf
            scaler.scale(torch.ones(()))  # what scaling the loss does beside: the scaler is in use
            scaler.step(optimizer)
            scaler.update()
        found.append(params)
    same(*found, rel=1e-5)


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize("rule", sorted(oc.rules()))
def test_a_model_made_double_is_trained_in_double(rule: str, adopt: bool) -> None:
    net = nn.Linear(4, 3)
    optimizer = make_optimizer(rule, net.parameters(), adopt=adopt, lr=1e-3)
    others = nn.Linear(4, 3).double()
    for step in range(6):
        if step == 3:
            net.double()
            others.load_state_dict(net.state_dict())
            second = make_optimizer(rule, others.parameters(), lr=1e-3)
            second.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        for some, its in ((net, optimizer), (others, second)) if step >= 3 else ((net, optimizer),):
            for i, p in enumerate(some.parameters()):
                generator = torch.Generator().manual_seed(10 * step + i)
                p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
            its.step()
    for a, b in zip(net.parameters(), others.parameters(), strict=True):
        assert a.dtype == torch.float64
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", ["adam", "adam_l2", "radam", "nadam", "adamax"])
def test_tensors_of_different_ages_have_corrections_as_exact_as_tensors_of_one(rule: str) -> None:
    """β₂ = 0.99999: formed in float32, 1−β₂ᵗ was off by 7e-4."""
    (case,) = (case for case in ONE_EACH if case.rule.id == rule)
    hyper = {**case.hyper, "beta2": 0.99999, "lr": 1e-2}
    found = []
    for build in (
        lambda p: make_optimizer(rule, p, **hyper),
        lambda p: case.rule.reference(p, **hyper),
    ):
        params = [nn.Parameter(torch.linspace(0.5, 1.5, n)) for n in (3, 40, 5)]
        optimizer = build(params)
        for t in range(30):
            for i, p in enumerate(params):
                generator = torch.Generator().manual_seed(100 * t + i)
                p.grad = None if t < 3 * i else torch.randn(p.shape, generator=generator)
            optimizer.step()
        found.append(params)
    same(*found, rel=2e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_dampening_without_momentum_dampens_nothing(momentum: float) -> None:
    same(
        run(lambda p: make_optimizer("momentum", p, lr=0.1, momentum=momentum, dampening=0.5)),
        run(lambda p: torch.optim.SGD(p, lr=0.1, momentum=momentum, dampening=0.5)),
    )
    many = oc.simulate_many(
        "x^2 + 3*y^2",
        "momentum",
        [[1.0, 2.0]] * 2,
        20,
        dampening=0.5,
        lr=0.01,
        momentum=torch.tensor([0.0, 0.9], dtype=torch.float64),
    )
    for i, beta in enumerate((0.0, 0.9)):
        alone = oc.simulate("x^2 + 3*y^2", "momentum", (1.0, 2.0), 20, dampening=0.5, lr=0.01, momentum=beta)
        np.testing.assert_allclose(many.final[i], [alone["x"][-1], alone["y"][-1]], rtol=1e-12)


def test_the_default_dtype_changes_nothing() -> None:
    from optim_core.measure.tracer import Tracer

    found = []
    for default in (torch.float32, torch.float64):
        torch.set_default_dtype(default)
        try:
            params = tensors(torch.float32)
            named = {str(i): p for i, p in enumerate(params)}
            optimizer = make_optimizer("adamw", params, lr=0.01)
            tracer = Tracer(optimizer, named.items(), histogram_every=2, watch=[("3", 2)])
            for t in range(1, 6):
                give_gradients(params, t)
                optimizer.step()
                tracer.record(torch.tensor(0.5))
            tables = tracer.flush()
        finally:
            torch.set_default_dtype(torch.float32)
        columns = {k: v for table in tables for k, v in table.columns.items() if k != "steps_per_second"}
        found.append((params, columns))
    (a, first), (b, second) = found
    same(a, b, rel=0.0)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
