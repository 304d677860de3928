"""What rules declare of their theory, against what runs on scale-invariant weights measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optim_core as oc
from optim_core.declare.registry import Catalogue
from optim_core.rule import Rule

RATE = 0.01  # of decay a step: τ is 100 steps
STEPS, SETTLED = 700, 500  # the latter 5 τ: what is left of the start is e⁻¹⁰ of its square

# Rules whose step is not about η long, but in proportion to gradients or to their own earlier steps.
LARGE = {"sgd_l2", "sgdw", "momentum", "nesterov", "adadelta", "adagrad"}
# Settings that theory depends on, besides the defaults.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "sgd_l2": [{}, {"penalty": "full"}],
    "sgdw": [{}, {"momentum": 0.9}, {"decay_order": "after"}],
    "adamw": [{}, {"beta1": 0.5}, {"decay_order": "after"}],
    "momentum": [{}, {"average": True}, {"nesterov": True}],
    "rmsprop": [{}, {"momentum": 0.5}],
    "adagrad": [{}, {"lr_decay": 1e-3}],
}


def cases() -> list[tuple[str, dict[str, Any]]]:
    """Every rule under the settings on which theory depends, coupled and decoupled, where it declares any."""
    found = []
    for name, rule in oc.rules().items():
        both = [{}, {"decoupled_weight_decay": True}] if "decoupled_weight_decay" in rule.settings else [{}]
        for one in VARIANTS.get(name, [{}]):
            for coupling in both:
                told = known(name, {**one, **coupling})
                if not (rule.expected_decay_rate(told) is None and rule.expected_angle(told) is None):
                    found.append((name, {**one, **coupling}))
    return found


def settings_of(name: str, more: dict[str, Any]) -> dict[str, Any]:
    if name == "adamw_lh":
        return {"lr": 0.01, "weight_decay": RATE, **more}
    lr = 0.1 if name in LARGE else 0.01
    decay = {"weight_decay": RATE / lr} if "weight_decay" in oc.rules()[name].settings else {}
    return {"lr": lr, **decay, **more}


def known(name: str, more: dict[str, Any], step: float = STEPS) -> dict[str, Any]:
    rule = oc.rules()[name]
    return {**rule.complete(settings_of(name, more)), "schedule_factor": 1.0, "step": step}


@pytest.mark.parametrize(("name", "more"), cases(), ids=lambda v: v if isinstance(v, str) else str(v))
def test_runs_measure_what_is_declared(name: str, more: dict[str, Any]) -> None:
    rule, task = oc.rules()[name], {"id": "scale_invariant", "rows": 8, "row_length": 64}
    options = {"steps": STEPS, "groups": "all", "validate_every": STEPS}
    trace = {"every": 3, "histogram_every": 10**6}
    run = oc.train(task, name, trace=trace, **options, **settings_of(name, more)).recording
    assert run is not None
    angle = rule.expected_angle(known(name, more))
    for tensor in ("loud", "quiet"):
        taken, steps = run[f"{tensor}/effective_decay"], run.steps(f"{tensor}/effective_decay")
        for at in (0, len(steps) // 2, len(steps) - 1):
            rate = rule.expected_decay_rate(known(name, more, float(steps[at])))
            assert rate is None or taken[at] == pytest.approx(rate, rel=0.05)
        if angle is not None:
            assert float(run[f"{tensor}/angle"][steps > SETTLED].mean()) == pytest.approx(angle, rel=0.05)


@pytest.mark.parametrize(
    ("rule", "hyper", "measured"),
    [
        ("adamw_lh", {"lr": 1e-3, "weight_decay": 2e-3, "beta1": 0.9}, 0.0145),
        ("sgdw", {"lr": 1e-2, "weight_decay": 0.2}, 0.0632),
        ("sgd_l2", {"lr": 1e-2, "weight_decay": 0.2, "penalty": "full"}, 0.0893),
        ("adamw", {"lr": 1e-2, "weight_decay": 0.2}, 0.0146),
        ("adamw", {"lr": 1e-3, "weight_decay": 0.1}, 0.00324),  # Kosson et al. 2024, figure 1
    ],
)
def test_angles_are_those_that_were_measured_elsewhere(
    rule: str, hyper: dict[str, Any], measured: float
) -> None:
    told = oc.rules()[rule]
    angle = told.expected_angle({**told.complete(hyper), "schedule_factor": 1.0})
    assert angle == pytest.approx(measured, rel=0.01)


def test_these_rules_declare_something_and_these_nothing() -> None:
    """The issue's list: rules that must declare a rate or an angle, and rules of which theory has none."""
    rates = {n for n in oc.rules() if oc.rules()[n].expected_decay_rate(known(n, {})) is not None}
    assert rates >= {"sgd_l2", "sgdw", "adamw", "adamw_lh", "lion", "muon", "adam8bit", "adafactor"}
    assert not rates & {"sgd", "adam", "adam_l2", "lamb", "schedule_free_adamw", "radam", "adagrad"}
    angles = {n for n in oc.rules() if oc.rules()[n].expected_angle(known(n, {})) is not None}
    assert angles >= {"sgd_l2", "sgdw", "adamw", "adamw_lh"}
    assert not angles & {"adam_l2", "lamb", "lion", "muon", "adafactor", "schedule_free_adamw", "radam"}


@pytest.mark.parametrize("name", ["sgdw", "adamw", "adamw_lh", "lion"])
def test_relative_decay_has_a_rate_only_where_the_norm_is_known(name: str) -> None:
    rule, relative = oc.rules()[name], known(name, {"relative_decay": True})
    assert rule.expected_decay_rate(relative) is None
    assert rule.expected_angle(relative) is None
    assert rule.averaging_time(relative) is None
    assert rule.expected_decay_rate({**relative, "param_norm": 2.0}) == pytest.approx(2 * RATE)


@pytest.mark.parametrize(
    ("name", "hyper", "steps"),
    [
        ("adamw", {"lr": 0.1, "weight_decay": 0.05}, 200.0),
        ("adamw_lh", {"lr": 0.1, "weight_decay": 0.05}, 20.0),
        ("sgd_l2", {"lr": 0.1, "weight_decay": 0.05, "penalty": "full"}, 100.0),
        ("adagrad", {"lr": 0.1, "weight_decay": 0.05, "decoupled_weight_decay": True}, 200.0),
        ("adagrad", {"weight_decay": 0.05, "decoupled_weight_decay": True, "lr_decay": 0.1}, None),
        ("adagrad", {"weight_decay": 0.05}, None),
        ("adam_l2", {"weight_decay": 0.05}, None),
        ("lamb", {"weight_decay": 0.05}, None),
        ("schedule_free_adamw", {"weight_decay": 0.05}, None),
        ("adamw", {"weight_decay": 0.0}, None),
        ("adam", {}, None),
    ],
)
def test_the_averaging_time_is_one_over_the_declared_rate(
    name: str, hyper: dict[str, Any], steps: float | None
) -> None:
    rule = oc.rules()[name]
    assert rule.averaging_time(rule.complete(hyper)) == (steps and pytest.approx(steps))


def test_a_rule_that_names_what_no_step_has_is_refused(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        '"""A rule.\n\n    d_t = g_t\n"""\n'
        "from optim_core.rule import LearningRate, Rule, Step\n"
        "def init(param): return {}\n"
        "def update(grad, state, param, step, *, lr: LearningRate = 1.0): return Step(lr, grad, 0.0), state\n"
        "def decay_rate(*, lr, wieght_decay): return lr\n"
        "RULE = Rule(title='X', family='Others', source='nobody')\n"
    )
    (tmp_path / "misspelt.py").write_text(source)
    monkeypatch.setenv("EXTRA_RULES", str(tmp_path))
    with pytest.raises(TypeError, match="wieght_decay"):
        Catalogue("optim_core.rules", "RULE", Rule, noun="optimizer", extra="EXTRA_RULES").all()


def test_declared_numbers_take_arrays_with_a_value_for_each_step() -> None:
    lr, factor = np.array([0.1, 0.05]), np.array([1.0, 0.5])
    for name in ("adamw", "adamw_lh", "sgd_l2", "sgdw", "momentum"):
        rule = oc.rules()[name]
        hyper = rule.complete({"weight_decay": 0.1})
        told = rule.expected_angle({**hyper, "lr": lr, "schedule_factor": factor})
        assert told is not None
        alone = [
            rule.expected_angle({**hyper, "lr": rate, "schedule_factor": f})
            for rate, f in zip((0.1, 0.05), (1.0, 0.5), strict=True)
        ]
        assert told == pytest.approx(alone)
