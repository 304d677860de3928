"""How a run on a surface ends, one at a time and many at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import optim_core as oc
from optim_core.outcomes import Outcome

# η is 0 in the second half: there the weights stand still.
HALF_STILL = {"id": "step", "drops": 1, "gamma": 0.0}


@pytest.mark.parametrize(("still", "outcome"), [(1, "finished"), (9, "finished"), (10, "converged")])
def test_a_run_has_converged_after_ten_still_steps_and_no_fewer(still: int, outcome: str) -> None:
    run = oc.simulate("bowl", "sgd", (2.0, 1.0), 2 * still, schedule=HALF_STILL, lr=0.01)
    assert (run["x"][still:] == run["x"][-1]).all()
    assert run["x"][still - 1] != run["x"][-1]
    assert run.outcome == outcome


def test_a_run_stops_where_the_loss_is_not_defined() -> None:
    run = oc.simulate("log(x) + y^2", "sgd", (0.3, 1.0), 50, lr=0.1)  # one step leads below 0
    assert run.outcome is Outcome.UNDEFINED
    assert len(run) - 1 == 1
    assert math.isnan(run["loss"][-1])


def test_a_run_stops_where_the_loss_is_infinite() -> None:
    run = oc.simulate("exp(x^2) + y^2", "sgd", (3.0, 0.0), 50, lr=1e-3)  # one step leads to x = −45.6
    assert run.outcome is Outcome.DIVERGED
    assert len(run) - 1 == 1
    assert math.isinf(run["loss"][-1])
    assert abs(run["x"][-1]) < 100  # so it is the loss that says so


def test_of_many_runs_those_have_diverged_whose_weights_are_no_numbers_or_out_of_bounds() -> None:
    many = oc.simulate_many("sqrt(x) + y^2", "sgd", [[1.0, 1.0], [9.0, 1.0]], 3, lr=2.5)
    assert torch.isnan(many.final).any(1).tolist() == [True, False]
    assert many.diverged.tolist() == [True, False]
    far = oc.simulate_many("x^4 + y^2", "sgd", [[3.0, 1.0], [0.1, 1.0]], 30, lr=0.4)
    assert far.diverged.tolist() == [True, False]


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize(("seed", "scale", "steps"), [(0, 0.5, 20), (1, 0.5, 20), (1, 2.0, 20), (1, 0.5, 30)])
def test_the_noise_on_gradients_is_numpys_of_that_seed_whatever_the_rule(
    rule: str, seed: int, scale: float, steps: int
) -> None:
    run = oc.simulate("x^2 + y^2", rule, (3.0, 1.0), steps, lr=0.1, noise=scale, seed=seed)
    noise = scale * np.random.default_rng(seed).standard_normal((steps, 2))
    for column, axis in enumerate("xy"):
        np.testing.assert_allclose(run[f"grad_{axis}"][1:] - 2 * run[axis][:-1], noise[:, column], atol=1e-12)
