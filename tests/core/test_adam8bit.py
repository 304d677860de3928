"""8-bit optimizer states: the code, its rounding, its memory, and what it costs a training run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rule_cases import Bowl
from twins import code_values, rounded, twin

from optim_core.catalogue import rules
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.rule import state_bytes, state_items
from optim_core.rules._quantize import dequantize, dynamic_code, quantize

quick = settings(max_examples=80, deadline=None, derandomize=True)
NUMBERS = arrays.arrays(np.float64, st.integers(1, 70), elements=st.floats(-1e3, 1e3, allow_subnormal=False))
BLOCKS = st.sampled_from([1, 7, 16, 2032])
BOTH = pytest.mark.parametrize("signed", [True, False])


def there_and_back(x: Any, block_size: int, *, signed: bool) -> Any:
    return dequantize(*quantize(x, block_size, signed=signed), block_size, signed=signed)


@BOTH
def test_the_code_is_that_of_the_paper_read_bit_by_bit(signed: bool) -> None:
    code = dynamic_code(signed)
    np.testing.assert_allclose(code, code_values(signed=signed), rtol=1e-12)
    assert len(code) == 256
    assert (np.diff(code) > 0).all()
    assert {0.0, 1.0} <= {*code}


@BOTH
@quick
@given(x=NUMBERS, block_size=BLOCKS)
def test_rounding_is_to_the_nearest_value_of_the_code(signed: bool, x: np.ndarray, block_size: int) -> None:
    x = x if signed else abs(x)
    ours, nearest = (
        there_and_back(x, block_size, signed=signed),
        rounded(x, code_values(signed=signed), block_size),
    )
    np.testing.assert_allclose(abs(ours - x), abs(nearest - x), rtol=1e-9, atol=1e-12 * abs(x).max())


@BOTH
@quick
@given(x=NUMBERS)
def test_the_error_is_at_most_half_the_spacing_of_the_code(signed: bool, x: np.ndarray) -> None:
    x = x if signed else abs(x)
    scale = abs(x).max()
    if scale == 0.0:
        assert not there_and_back(x, 2032, signed=signed).any()
        return
    code = dynamic_code(signed)
    above = np.clip(np.searchsorted(code, x / scale), 1, 255)
    half_gap = (code[above] - code[above - 1]) / 2.0
    beyond = np.maximum(code[0] - x / scale, 0.0)  # −1 lies below the signed code's lowest value
    error = abs(there_and_back(x, 2032, signed=signed) - x) / scale
    assert (error <= np.maximum(half_gap, beyond) * (1.0 + 1e-9)).all()


@pytest.mark.parametrize("decade", range(6))
def test_the_relative_error_grows_only_as_the_bits_of_a_decade_shrink(decade: int) -> None:
    """An even 8-bit grid would lose everything below 1/255 of a block's largest value."""
    x = np.append(np.geomspace(0.1000001, 0.9999999, 999) * 10.0**-decade, 1.0)
    relative = abs(there_and_back(x, 2032, signed=False) / x - 1.0)
    spacing = 0.9 / 2 ** (7 - decade)
    assert relative.max() <= spacing / 2.0 / 0.1 * 1.001
    assert relative.max() >= spacing / 2.0


@BOTH
@quick
@given(x=NUMBERS, block_size=BLOCKS)
def test_rounding_twice_is_rounding_once(signed: bool, x: np.ndarray, block_size: int) -> None:
    """Where each block's largest value is positive: the signed code has no −1."""
    x = x if signed else abs(x)
    x[::block_size] = 1e3
    once = there_and_back(x, block_size, signed=signed)
    np.testing.assert_array_equal(there_and_back(once, block_size, signed=signed), once)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@BOTH
def test_tensors_and_arrays_get_the_same_codes(signed: bool, dtype: torch.dtype) -> None:
    x = torch.tensor(np.random.default_rng(0).normal(size=(9, 31)), dtype=dtype)
    x = x if signed else x * x
    (codes, scales), (other_codes, other_scales) = (quantize(v, 64, signed=signed) for v in (x, x.numpy()))
    assert codes.dtype == torch.uint8
    assert other_codes.dtype == np.uint8
    assert scales.dtype == dtype
    assert codes.shape == x.shape
    assert scales.shape == (5,)
    np.testing.assert_array_equal(codes, other_codes)
    np.testing.assert_array_equal(scales, other_scales)
    back = dequantize(codes, scales, 64, signed=signed)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, dequantize(other_codes, other_scales, 64, signed=signed), rtol=1e-7)


def test_a_bad_number_stays_in_its_block() -> None:
    x = torch.ones(12)
    x[5] = torch.nan
    back = there_and_back(x, 4, signed=True)
    assert back[:4].eq(1).all()
    assert back[4:8].isnan().all()
    assert back[8:].eq(1).all()


def test_small_blocks_confine_an_outlier() -> None:
    x = torch.tensor(np.random.default_rng(1).normal(size=4096))
    x[100] = 1e4
    small, large = ((there_and_back(x, block, signed=True) - x).abs().mean() for block in (64, 4096))
    assert small < large / 10.0


RULE = rules()["adam8bit"]


@pytest.mark.parametrize("block_size", [256, 2032])
def test_a_large_tensor_takes_two_bytes_a_parameter(block_size: int) -> None:
    theta = torch.zeros(300, 1000)
    state = RULE.start(theta, RULE.complete({"block_size": block_size}))
    assert state_bytes(state) / theta.numel() == pytest.approx(2.0 + 8.0 / block_size, rel=1e-3)
    adam = rules()["adam"]
    assert state_bytes(adam.start(theta, adam.complete({}))) / theta.numel() == 8.0


def test_a_small_tensor_keeps_full_precision_and_takes_the_steps_of_adamw() -> None:
    theta = torch.tensor(Bowl((5, 3), 20).start)
    ours, theirs = (torch.nn.Parameter(theta.clone()) for _ in range(2))
    hyper = {"lr": 0.02, "weight_decay": 0.1}
    pair = [make_optimizer("adam8bit", [ours], **hyper), make_optimizer("adamw", [theirs], **hyper)]
    for _ in range(20):
        for p, optimizer in zip((ours, theirs), pair, strict=True):
            p.grad = p.detach() ** 3
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0.0)
    assert state_bytes(RULE.start(theta, RULE.complete({}))) == 16 * theta.numel()


@pytest.mark.parametrize("shape", [(7,), (5, 3), (2, 3, 4)])
@pytest.mark.parametrize("block_size", [4, 2032])
def test_in_8_bits_it_takes_the_steps_of_a_plain_loop(shape: tuple[int, ...], block_size: int) -> None:
    hyper = RULE.complete({"lr": 0.01, "weight_decay": 0.05, "block_size": block_size, "min_8bit_size": 0})
    bowl = Bowl(shape, 100)
    ours, theirs = torch.tensor(bowl.start), bowl.start
    state, other = RULE.start(ours, hyper), twin("adam8bit", theirs, hyper)
    for t in range(1, 101):
        made, state = RULE.update(torch.as_tensor(bowl.gradient(ours.numpy(), t)), state, ours, t, **hyper)
        ours = ours - made.effective_lr * made.direction - made.decay
        theirs = other.step(theirs, bowl.gradient(theirs, t), t, 0.01, 1.0).theta
        shown = RULE.shown(state, hyper)
        np.testing.assert_allclose(shown["m"], other.m, rtol=1e-9)
        np.testing.assert_allclose(shown["v"], other.v, rtol=1e-9)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    assert {array.dtype for name, array in state_items(state).items() if "code" in name} == {torch.uint8}


def test_a_small_network_learns_as_it_does_with_full_precision() -> None:
    plain, rounded_states = (
        _losses(name, **hyper) for name, hyper in (("adam", {}), ("adam8bit", {"min_8bit_size": 0}))
    )
    assert plain[-1] < plain[0] / 5.0
    gap = np.abs(rounded_states / plain - 1.0)
    assert 0.0 < gap.max() < 0.08
    assert gap.mean() < 0.03


def _losses(name: str, **hyper: Any) -> np.ndarray:
    """Mean losses of 10 stretches of a run: 2 → 32 → 32 → 1, for points inside and outside a buffer."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(512, 2, generator=generator) * 4.0 - 2.0
    target = ((points.norm(dim=1) - 1.2).abs() < 0.4).float()[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))
    optimizer = make_optimizer(name, model.parameters(), lr=1e-2, **hyper)
    losses = []
    for _ in range(400):
        chosen = torch.randint(512, (128,), generator=generator)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(points[chosen]), target[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).reshape(10, -1).mean(1).numpy()
