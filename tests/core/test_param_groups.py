"""`split_decay`: which tensors decay under which policy, and why."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import optim_core as oc
from optim_core.param_groups import POLICIES, Placement, explain, split_decay


class ForeignRMSNorm(nn.Module):
    """As libraries have it that torch does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))


class Net(nn.Module):
    """One of everything."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.recurrent = nn.LSTM(4, 4)
        self.convolution = nn.Conv1d(4, 4, 3)
        self.batch = nn.BatchNorm1d(4)
        self.group = nn.GroupNorm(2, 4)
        self.layer = nn.LayerNorm(4)
        self.root = nn.RMSNorm(4)
        self.instance = nn.InstanceNorm2d(4, affine=True)
        self.foreign = ForeignRMSNorm()
        self.scale = nn.Parameter(torch.ones(4))
        self.bias_table = nn.Parameter(torch.zeros(3, 4))
        self.head = nn.Linear(4, 5)
        self.tied = nn.Linear(4, 5, bias=False)
        self.tied.weight = self.table.weight
        self.frozen = nn.Linear(2, 2)
        self.frozen.requires_grad_(False)


class FooNorm3d(nn.Module):
    """A norm with a gain for every place, of more than one dimension."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))


class FooNorm2d(FooNorm3d):
    pass


class RMSNormGated(FooNorm3d):
    pass


class WeightNormLinear(FooNorm3d):
    pass


class LayerScale(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full(shape, 1e-5))


class Others(nn.Module):
    """What other people's libraries have."""

    def __init__(self) -> None:
        super().__init__()
        self.norm3d, self.norm2d = FooNorm3d(3, 4), FooNorm2d(3, 4)
        self.gated, self.volume = RMSNormGated(4), FooNorm3d(4)
        self.attention = nn.MultiheadAttention(4, 2, add_bias_kv=True)
        self.layer_scale, self.wide_scale = LayerScale(4), LayerScale(4, 1, 1)
        self.slope = nn.PReLU(4)
        self.own_linear = WeightNormLinear(4, 3)
        self.column, self.row = nn.Linear(1, 4, bias=False), nn.Linear(4, 1, bias=False)
        self.narrow = nn.LSTM(1, 1)
        self.old = nn.utils.weight_norm(nn.Linear(4, 3, bias=False))
        self.new = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3, bias=False))
        self.temperature = nn.Parameter(torch.ones(()))
        self.positions = nn.Parameter(torch.zeros(1, 9, 4))


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_what_a_tensor_does_decides_and_not_how_it_is_called() -> None:
    found = {p.name: p.decayed for p in explain(Others())}
    assert {name for name, decayed in found.items() if decayed} == {
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "own_linear.weight",
        "column.weight",
        "row.weight",
        "narrow.weight_ih_l0",
        "narrow.weight_hh_l0",
        "old.weight_v",
        "new.parametrizations.weight.original1",
        "positions",
    }
    assert not found["attention.bias_k"]


@pytest.mark.parametrize("head_first", [False, True])
def test_a_shared_tensor_has_one_answer_whoever_owns_it_first(head_first: bool) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            names = ("head", "table") if head_first else ("table", "head")
            for name in names:
                layer = nn.Linear(4, 5, bias=False) if name == "head" else nn.Embedding(5, 4)
                setattr(self, name, layer)
            self.head.weight = self.table.weight
            self.again = self.table.weight

    for embeddings in (False, True):
        (only,) = explain(Tied(), decay_embeddings=embeddings)
        assert only.decayed == embeddings
        assert only.name == "again"  # a module's own come before its children's
    (only,) = explain(Tied(), decay_embeddings=False, decay="table.*")
    assert only.decayed


def test_patterns_of_ones_own_go_before_all() -> None:
    names = {p.name: p for p in explain(Net(), decay=["scale", "*.bias_hh_l0"], no_decay="head.*")}
    assert names["scale"].decayed
    assert names["recurrent.bias_hh_l0"].decayed
    assert not names["head.weight"].decayed
    assert "'head.*'" in names["head.weight"].reason
    groups = split_decay(Net(), no_decay="*")
    assert [group["weight_decay"] for group in groups] == [0.0]
    with pytest.raises(oc.InvalidInput, match="no trainable tensor is named 'heads"):
        explain(Net(), no_decay="heads.*")
    with pytest.raises(
        oc.InvalidInput, match=r"head\.bias is named by '\*\.bias' and by no_decay 'head\.\*'"
    ):
        explain(Net(), decay="*.bias", no_decay="head.*")


def placed(policy: str = "no_bias_no_norm", **options: bool) -> dict[str, Placement]:
    return {p.name: p for p in explain(Net(), policy, **options)}  # type: ignore[arg-type]


def kept_out(policy: str = "no_bias_no_norm", **options: bool) -> set[str]:
    return {name for name, p in placed(policy, **options).items() if not p.decayed}


def test_biases_and_norms_are_found_by_what_they_are() -> None:
    assert kept_out() == {
        "attention.in_proj_bias",
        "attention.out_proj.bias",
        "recurrent.bias_ih_l0",
        "recurrent.bias_hh_l0",
        "convolution.bias",
        "head.bias",
        "batch.weight",
        "batch.bias",
        "group.weight",
        "group.bias",
        "layer.weight",
        "layer.bias",
        "root.weight",
        "instance.weight",
        "instance.bias",
        "foreign.weight",
        "scale",
    }


def test_embeddings_are_left_out_on_demand() -> None:
    assert kept_out(decay_embeddings=False) - kept_out() == {"table.weight"}


def test_all_leaves_nothing_out() -> None:
    assert kept_out("all") == set()


def test_matrices_go_by_dimension_alone() -> None:
    found = placed("matrices")
    assert all(p.decayed == (len(p.shape) >= 2) for p in found.values())
    assert not found["scale"].decayed
    assert found["bias_table"].decayed


@pytest.mark.parametrize("policy", POLICIES)
def test_every_trainable_tensor_is_placed_once_with_a_reason(policy: str) -> None:
    net = Net()
    found = explain(net, policy)  # type: ignore[arg-type]
    trainable = {id(p) for p in net.parameters() if p.requires_grad}
    assert {id(p.parameter) for p in found} == trainable
    assert len(found) == len(trainable)
    known = dict(net.named_parameters())
    assert all(known[p.name] is p.parameter and p.shape == tuple(p.parameter.shape) for p in found)
    for p in found:
        assert p.reason.startswith("Decays" if p.decayed else "Does not decay"), p
        assert p.reason.endswith(".")


def test_groups_hold_names_and_work_in_any_torch_optimizer() -> None:
    net = Net()
    groups = split_decay(net, weight_decay=0.3)
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    known = dict(net.named_parameters())
    for group in groups:
        assert [id(known[name]) for name in group["names"]] == [id(p) for p in group["params"]]
    for optimizer in (torch.optim.AdamW(groups), oc.make_optimizer("adamw", split_decay(net))):
        assert len(optimizer.param_groups) == 2
    assert "weight_decay" not in split_decay(net)[0]
    assert torch.optim.SGD(split_decay(net), lr=0.1, weight_decay=0.2).param_groups[0]["weight_decay"] == 0.2


def test_empty_groups_are_left_away() -> None:
    assert len(split_decay(nn.Linear(3, 2, bias=False))) == 1
    assert split_decay(nn.LayerNorm(3))[0]["weight_decay"] == 0.0


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(oc.InvalidInput, match="no policy 'some'; known: all, no_bias_no_norm, matrices"):
        split_decay(Net(), "some")  # type: ignore[arg-type]
    with pytest.raises(oc.InvalidInput, match="no trainable parameters"):
        split_decay(nn.ReLU())
