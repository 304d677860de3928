"""The tracer against a slow recomputation, tensor by tensor, from the rules themselves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import optim_core as oc
from optim_core.measure import statistics as measure
from optim_core.measure.quantiles import BINS, LOWEST, OCTAVES, PERCENTS, Quantiles, edges
from optim_core.measure.statistics import METRICS, RATES
from optim_core.measure.tracer import Tracer
from optim_core.optimizer import flat
from optim_core.optimizer.segments import WIDTH, Segments
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.transport.frames import Frame

SHAPES = {"a.weight": (20, 13), "a.bias": (7,), "gain": (64,), "b.kernel": (5, 13, 2), "one": (1,)}
ALL = sorted(oc.rules())
HYPER: Mapping[str, Any] = {"weight_decay": 0.05}


def tensors(dtype: torch.dtype = torch.float64, seed: int = 0) -> dict[str, nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))
        for name, shape in SHAPES.items()
    }


def give_gradients(params: Mapping[str, nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(100 + step)
    for p in params.values():
        size = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        p.grad = (size * torch.exp(2.0 * torch.randn(p.shape, generator=generator))).to(p.dtype)


def hyper_of(rule: str) -> dict[str, Any]:
    known = oc.rules()[rule].settings
    small = {"min_8bit_size": 100} if "min_8bit_size" in known else {}
    return {"lr": 0.01} | small | {name: v for name, v in HYPER.items() if name in known}


def slow(rule_id: str, steps: int) -> Iterator[dict[str, dict[str, Any]]]:
    """For every step and tensor what the trace should say, from the pure rule on that tensor alone."""
    rule = oc.rules()[rule_id]
    hyper = rule.complete(hyper_of(rule_id))
    params = tensors()
    theta = {name: p.detach().clone() for name, p in params.items()}
    state = {name: rule.start(value, hyper) for name, value in theta.items()}
    for step in range(1, steps + 1):
        give_gradients(params, step)
        found = {}
        for name, p in params.items():
            services: dict[str, Any] = {"schedule_factor": 1.0, "param_norm": theta[name].norm()}
            services = {need: services[need] for need in rule.needs}
            assert p.grad is not None
            made, state[name] = rule.update(p.grad, state[name], theta[name], step, **hyper, **services)
            parts = [
                torch.as_tensor(x, dtype=torch.float64).expand_as(p).numpy().ravel()
                for x in (made.effective_lr, made.direction, made.decay)
            ]
            before = theta[name].numpy().ravel().copy()
            after = before - parts[0] * parts[1] - parts[2]
            theta[name] = torch.from_numpy(after).view(p.shape)
            found[name] = expected(before, after, p.grad.numpy().ravel(), *parts)
        yield found


def expected(before: Any, after: Any, grad: Any, rate: Any, direction: Any, decay: Any) -> dict[str, Any]:
    norm = np.linalg.norm
    along = np.dot(before, after) / norm(before)
    across = norm(after - along * before / norm(before))
    found = {
        "weight_norm": norm(after),
        "grad_norm": norm(grad),
        "gradient_part_norm": norm(rate * direction),
        "decay_part_norm": norm(decay),
        "update_ratio": norm(after - before) / norm(before),
        "angle": math.atan2(across, along),
        "effective_decay": np.dot(decay, before) / np.dot(before, before),
    }
    single = rate.astype(np.float32)
    levels = [percent / 100 for percent in PERCENTS]
    found |= dict(zip(RATES, np.quantile(single, levels, method="inverted_cdf"), strict=True))
    found["hist"] = np.histogram(np.clip(single, edges()[0], edges()[-2]), edges())[0]
    found["coordinates"] = np.stack((after, rate, rate * direction, decay))
    return found


def run(optimizer: Any, params: Mapping[str, nn.Parameter], tracer: Tracer | None, steps: int) -> None:
    for step in range(1, steps + 1):
        give_gradients(params, step)
        optimizer.step()
        if tracer:
            tracer.record(float(step))


def column(tables: list[Frame], name: str) -> NDArray[np.float32]:
    return np.concatenate([t.columns[name] for t in tables if name in t.columns])


@pytest.mark.parametrize("in_parts", [False, True], ids=["whole", "in parts"])
@pytest.mark.parametrize("rule", ALL)
def test_every_number_is_what_a_slow_recomputation_gives(
    rule: str, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_parts:
        monkeypatch.setattr(flat, "PART_ELEMENTS", 2 * WIDTH)
        monkeypatch.setattr(measure, "BATCH", 2 * len(SHAPES) * BINS)  # two steps
    params = tensors()
    optimizer = make_optimizer(rule, params.values(), **hyper_of(rule))
    watch = [("a.weight", 77), ("one", 0)]
    tracer = Tracer(optimizer, params.items(), histogram_every=4, watch=watch)
    run(optimizer, params, tracer, 4)
    tables = tracer.flush()
    run_on = list(slow(rule, 4))
    for name in SHAPES:
        for metric in METRICS + RATES:
            wanted = [step[name][metric] for step in run_on]
            got = column(tables, f"{name}/{metric}")
            small = 1e-8 if metric == "angle" else 1e-30  # the root of what rounding leaves of an angle of 0
            np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=small, err_msg=f"{name}/{metric}")
        counts = column(tables, f"{name}/effective_lr_hist")
        assert np.abs(counts - [run_on[0][name]["hist"], run_on[3][name]["hist"]]).sum() <= 2
    for name, index in watch:
        for row, what in enumerate(("value", "effective_lr", "gradient_part", "decay_part")):
            wanted = [step[name]["coordinates"][row, index] for step in run_on]
            np.testing.assert_allclose(column(tables, f"{name}[{index}]/{what}"), wanted, rtol=2e-6)
    total = [math.hypot(*(step[name]["grad_norm"] for name in SHAPES)) for step in run_on]
    np.testing.assert_allclose(column(tables, "grad_norm"), total, rtol=2e-6)


@pytest.mark.parametrize("rule", ["adamw", "adam_l2", "momentum", "lamb", "schedule_free_adamw"])
def test_looking_changes_nothing(rule: str) -> None:
    ours, theirs = tensors(torch.float32), tensors(torch.float32)
    watched = make_optimizer(rule, ours.values())
    run(watched, ours, Tracer(watched, ours.items(), every=2), 6)
    run(make_optimizer(rule, theirs.values()), theirs, None, 6)
    for name in SHAPES:
        assert torch.equal(ours[name], theirs[name])


def test_groups_with_and_without_decay_are_traced_side_by_side() -> None:
    params = tensors()
    decayed, others = (
        [params["a.weight"], params["b.kernel"]],
        [params["a.bias"], params["gain"], params["one"]],
    )
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = make_optimizer("adamw", groups, lr=0.01, weight_decay=0.1)
    tracer = Tracer(optimizer, params.items())
    run(optimizer, params, tracer, 3)
    columns = {name: values for table in tracer.flush() for name, values in table.columns.items()}
    np.testing.assert_allclose(columns["b.kernel/effective_decay"], 1e-3, rtol=1e-6)
    assert (columns["gain/effective_decay"] == 0.0).all()
    np.testing.assert_allclose(columns["weight_decay"], 0.1)


def test_a_selection_is_traced_as_if_it_were_all() -> None:
    full, some = ({}, {"select": ["a.*", "one"], "watch": [("a.bias", 3)]})
    tables = []
    for options in (full, some):
        params = tensors()
        optimizer = make_optimizer("adam_l2", params.values(), weight_decay=0.1)
        tracer = Tracer(optimizer, params.items(), histogram_every=2, **options)
        run(optimizer, params, tracer, 3)
        tables.append({k: v for table in tracer.flush() for k, v in table.columns.items()})
    whole, part = tables
    assert {name.partition("/")[0] for name in part if name.endswith("/angle")} == {
        "a.weight",
        "a.bias",
        "one",
    }
    for name in part.keys() & whole.keys() - {"steps_per_second"}:
        np.testing.assert_allclose(part[name], whole[name], rtol=1e-6)
    assert part["a.bias[3]/value"].shape == (3,)


def test_a_tensor_without_a_gradient_has_no_numbers_for_that_step() -> None:
    params = tensors()
    optimizer = make_optimizer("adamw", params.values())
    tracer = Tracer(optimizer, params.items(), watch=[("gain", 1)])
    for step in range(1, 4):
        give_gradients(params, step)
        if step == 2:
            params["gain"].grad = None
        optimizer.step()
        tracer.record(0.0)
    tables = tracer.flush()
    assert np.isnan(column(tables, "gain/weight_norm")).tolist() == [False, True, False]
    assert np.isnan(column(tables, "gain[1]/value")).tolist() == [False, True, False]
    assert np.isfinite(column(tables, "a.weight/weight_norm")).all()


def test_steps_and_intervals() -> None:
    params = tensors()
    optimizer = make_optimizer("sgd", params.values(), lr=0.5)
    tracer = Tracer(optimizer, params.items(), every=3, histogram_every=6)
    run(optimizer, params, tracer, 7)
    each, traced, counted = tracer.flush()
    assert each.steps.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert traced.steps.tolist() == [1, 3, 6]
    assert counted.steps.tolist() == [1, 6]
    assert each.columns["loss"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert each.columns["lr"].tolist() == [0.5] * 7
    assert each.until(4).steps.tolist() == [1, 2, 3, 4]
    assert all(
        values.dtype == np.float32 for table in (each, traced, counted) for values in table.columns.values()
    )
    run(optimizer, params, tracer, 2)
    assert [table.first_step for table in tracer.flush()] == [8, 9]
    assert tracer.flush() == []


def test_scalars_that_begin_later_are_nan_before() -> None:
    params = tensors()
    optimizer = make_optimizer("sgd", params.values())
    tracer = Tracer(optimizer, params.items())
    tracer.record(1.0)
    tracer.record(torch.tensor(2.0), clip_factor=torch.tensor(0.5))
    table = tracer.flush()[0]
    np.testing.assert_array_equal(table.columns["clip_factor"], [np.nan, 0.5])
    np.testing.assert_array_equal(table.columns["loss"], [1.0, 2.0])


@pytest.mark.parametrize("size", [100, 4096])
def test_a_small_step_after_a_large_one_keeps_its_digits(size: int) -> None:
    """θ = 1 and steps of 0.1, then of 10⁻⁶, then of 0: what was measured before must not show through."""
    params = {"w": nn.Parameter(torch.ones(size))}
    optimizer = make_optimizer("sgd", params.values(), lr=1.0)
    tracer = Tracer(optimizer, params.items())
    noise = 1e-6 * torch.randn(size, generator=torch.Generator().manual_seed(0))
    wanted = []
    for grad in (torch.full((size,), 0.1), noise, torch.zeros(size), 1e3 * noise):
        params["w"].grad = grad
        before = params["w"].detach().double().numpy().copy()
        optimizer.step()
        tracer.record(0.0)
        after = params["w"].detach().double().numpy()
        u, v = before / np.linalg.norm(before), after / np.linalg.norm(after)
        angle = 2.0 * math.asin(np.linalg.norm(u - v) / 2.0)
        wanted.append((np.linalg.norm(after - before) / np.linalg.norm(before), angle))
    tables = tracer.flush()
    ratios, angles = np.array(wanted).T
    np.testing.assert_allclose(column(tables, "w/update_ratio"), ratios, rtol=2e-6)
    np.testing.assert_allclose(column(tables, "w/angle"), angles, rtol=1e-4, atol=1e-8)
    assert column(tables, "w/update_ratio")[2] == column(tables, "w/angle")[2] == 0.0


def test_weights_that_a_step_all_but_removes_have_the_norm_that_is_left() -> None:
    params = {"w": nn.Parameter(torch.ones(100))}
    optimizer = make_optimizer("sgd", params.values(), lr=1.0)
    tracer = Tracer(optimizer, params.items())
    params["w"].grad = 1.0 - 2.0**-20 * torch.rand(100, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    tracer.record(0.0)
    left = float(params["w"].detach().double().norm())
    np.testing.assert_allclose(column(tracer.flush(), "w/weight_norm"), left, rtol=1e-6)


def test_only_an_optimizer_that_tells_of_its_steps_is_traced() -> None:
    params = tensors()
    with pytest.raises(oc.InvalidInput, match=r"got torch\.optim\.adamw\.AdamW.*make_optimizer"):
        Tracer(torch.optim.AdamW(params.values()), params.items())  # type: ignore[arg-type]


def test_a_recorded_loss_keeps_its_value_and_no_graph() -> None:
    params = tensors()
    lr = torch.tensor(0.5)
    optimizer = make_optimizer("sgd", params.values(), lr=lr)
    tracer = Tracer(optimizer, params.items())
    loss, reused = params["one"].sum() * 3.0, torch.zeros(1)
    wanted = float(loss.detach())
    for i in range(3):
        reused.fill_(i)
        tracer.record(loss, extra=reused, other=params["one"].sum())
        optimizer.param_groups[0]["lr"].mul_(0.5)  # as torch's schedulers do it
    columns = tracer.flush()[0].columns
    np.testing.assert_allclose(columns["loss"], wanted, rtol=1e-6)
    assert columns["extra"].tolist() == [0.0, 1.0, 2.0]
    assert columns["lr"].tolist() == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("lr", [1e-3, 1e-6])
def test_small_angles_keep_their_digits(lr: float) -> None:
    params = tensors(torch.float32)
    optimizer = make_optimizer("adamw", params.values(), lr=lr, weight_decay=100.0)
    tracer = Tracer(optimizer, params.items())
    angles = []
    for step in range(1, 4):
        give_gradients(params, step)
        before = params["a.weight"].detach().double().ravel()
        optimizer.step()
        tracer.record(0.0)
        after = params["a.weight"].detach().double().ravel()
        a, b = before / before.norm(), after / after.norm()
        angles.append(float(2.0 * torch.asin((a - b).norm() / 2.0)))
    # The part along θ is a hundred times as long here.
    np.testing.assert_allclose(column(tracer.flush(), "a.weight/angle"), angles, rtol=5e-4)


def test_decay_alone_turns_nothing() -> None:
    params = tensors()
    optimizer = make_optimizer("sgdw", params.values(), lr=0.1, weight_decay=0.1)
    tracer = Tracer(optimizer, params.items())
    for _ in range(12):
        for p in params.values():
            p.grad = torch.zeros_like(p)
        optimizer.step()
        tracer.record(0.0)
    tables = tracer.flush()
    assert column(tables, "a.weight/angle").max() < 1e-15
    np.testing.assert_allclose(column(tables, "a.weight/update_ratio"), 0.01, rtol=1e-6)


def test_updates_lost_in_bfloat16_are_seen_to_be_lost() -> None:
    params = {"w": nn.Parameter(torch.ones(300, dtype=torch.bfloat16))}
    optimizer = make_optimizer("sgd", params.values(), lr=1e-4)
    tracer = Tracer(optimizer, params.items())
    params["w"].grad = torch.ones(300, dtype=torch.bfloat16)
    optimizer.step()
    tracer.record(0.0)
    tables = tracer.flush()
    assert column(tables, "w/update_ratio") == 0.0
    assert column(tables, "w/gradient_part_norm") > 0.0


def test_epsilon_zero_spoils_no_tensor_beside_dead_weights() -> None:
    params = tensors()
    optimizer = make_optimizer("adam", params.values(), eps=0.0)
    tracer = Tracer(optimizer, params.items())
    run(optimizer, params, tracer, 3)
    tables = tracer.flush()
    assert all(np.isfinite(column(tables, f"{name}/{metric}")).all() for name in SHAPES for metric in METRICS)


class Counting(TorchDispatchMode):
    """Counts what torch is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[func._schema.name] += 1
        return func(*args, **(kwargs or {}))


def counted(tensors_: int) -> Counter[str]:
    params = {str(i): nn.Parameter(torch.randn(50, 3)) for i in range(tensors_)}
    optimizer = make_optimizer("adam_l2", params.values(), weight_decay=0.1)
    tracer = Tracer(optimizer, params.items(), histogram_every=1000)
    run(optimizer, params, tracer, 2)
    give_gradients(params, 3)
    with Counting() as mode:
        optimizer.step()
        tracer.record(torch.tensor(0.0))
    return mode.calls


def test_the_work_is_a_handful_of_kernels_whatever_the_number_of_tensors() -> None:
    few, many = counted(3), counted(60)
    # bincount takes its size from the device of its own accord; elsewhere one sort takes its place.
    assert few["aten::_local_scalar_dense"] == many["aten::_local_scalar_dense"] == 0
    kernels = {name: count for name, count in many.items() if "view" not in name}
    assert sum(kernels.values()) - sum(few[name] for name in kernels) <= 2
    assert sum(kernels.values()) < 110


def test_names_that_match_nothing_are_refused() -> None:
    params = tensors()
    optimizer = make_optimizer("sgd", params.values())
    with pytest.raises(oc.InvalidInput, match=r"no tensor is named 'layer\.\*'.*a\.weight"):
        Tracer(optimizer, params.items(), select="layer.*")
    for name, index in (("a.bias", 7), ("nowhere", 0), ("a.bias", -1)):
        with pytest.raises(oc.InvalidInput, match="no coordinate"):
            Tracer(optimizer, params.items(), watch=[(name, index)])


VALUES = st.one_of(
    st.floats(0.0, 2.0**30, width=32),
    st.sampled_from([0.0, 1.0, 1.0000001, 2.0**-41, 2.0**-40, 2.0**24, math.inf, 1e-3]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=1, max_size=150), min_size=1, max_size=5), st.booleans())
def test_order_statistics_are_exact(values: list[list[float]], by_sorting: bool) -> None:
    segments = Segments([len(v) for v in values], torch.device("cpu"))
    quantiles = Quantiles(segments, 3, by_sorting=by_sorting)
    levels = [percent / 100 for percent in PERCENTS]
    for steps in (1, 2, 3, 3):  # the later ones with finer bins
        batch = [[np.roll(np.array(v, np.float32) * 2.0**i, i) for v in values] for i in range(steps)]
        buffer = torch.full((steps, segments.rows, 64), math.nan)  # whatever stands in the padding
        for rows, of_step in zip(buffer, batch, strict=True):
            for view, given_ in zip(segments.split(rows), of_step, strict=True):
                view.copy_(torch.from_numpy(given_))
        wanted = [
            np.stack([np.quantile(v, levels, method="inverted_cdf") for v in of_step], 1) for of_step in batch
        ]
        np.testing.assert_array_equal(quantiles.take(buffer.view(-1, 64)).numpy(), wanted)
        counts = quantiles.octaves(buffer[-1])
        for counted, v in zip(counts, batch[-1], strict=True):
            octave = np.clip(np.frexp(np.maximum(v, 1e-30))[1] - 1 - LOWEST, 0, OCTAVES - 1)
            octave[np.isinf(v)] = OCTAVES - 1
            assert counted.tolist() == np.bincount(octave, minlength=OCTAVES).tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("rule", ["adamw", "adam_l2", "lion", "muon"])
def test_cuda_says_what_the_cpu_says(rule: str) -> None:
    found: list[dict[str, NDArray[np.float32]]] = []
    for device in ("cpu", "cuda"):
        params = {name: nn.Parameter(p.detach().to(device)) for name, p in tensors(torch.float32).items()}
        optimizer = make_optimizer(rule, params.values())
        tracer = Tracer(optimizer, params.items(), histogram_every=3)
        for step in range(1, 4):
            host = tensors(torch.float32)
            give_gradients(host, step)
            for name, p in params.items():
                gradient: Tensor | None = host[name].grad
                assert gradient is not None
                p.grad = gradient.to(device)
            optimizer.step()
            tracer.record(0.0)
        found.append({k: v for table in tracer.flush() for k, v in table.columns.items()})
    for name in found[0].keys() - {"steps_per_second"}:
        np.testing.assert_allclose(found[1][name], found[0][name], rtol=1e-4, atol=1e-7, err_msg=name)
