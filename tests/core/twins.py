"""Second witnesses: every optimizer as a plain numpy loop, written from its paper or from torch's docs.

A twin is built for one tensor and its hyperparameters. ``look`` says where the gradient is wanted and
``step`` returns the new weights and the two parts of the displacement. For λ inside the gradient the
parts come from the rule's own linearity: its scales see the whole gradient, its linear memory is fed
once with the data's gradient alone and once with λθ alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rule_cases import Case

Array = NDArray[np.float64]
Hyper = Mapping[str, Any]


def root(square: Array, h: Hyper) -> Array:
    """What gradients are divided by: ε outside the root, or inside as TensorFlow has it."""
    return np.sqrt(square + h["eps"]) if h["eps_in_root"] else np.sqrt(square) + h["eps"]


@dataclass(frozen=True)
class Moved:
    theta: Array
    gradient_part: Array | None = None
    decay_part: Array | None = None


class Filter:
    """A rule without its decay: ``total`` feeds its scales, ``along`` its linear memory."""

    def __init__(self, shape: tuple[int, ...], h: Hyper):
        self.h = h
        self.m = np.zeros(shape)
        self.v = np.zeros(shape)

    def move(self, t: int, lr: float, total: Array, along: Array) -> Array:
        raise NotImplementedError


class HeavyBall(Filter):
    def move(self, t, lr, total, along):
        beta = self.h.get("momentum", 0.0)
        if self.h.get("average"):
            new = (1 - beta) * along
        else:
            new = along if t == 1 else (1 - self.h.get("dampening", 0.0)) * along
        self.v = beta * self.v + new
        return lr * (new + beta * self.v if self.h.get("nesterov") else self.v)


class NesterovBall(HeavyBall):
    def __init__(self, shape, h):
        super().__init__(shape, {**h, "nesterov": True})


class Adagrad(Filter):
    def move(self, t, lr, total, along):
        if t == 1:
            self.v = self.v + self.h["initial_accumulator_value"]
        self.v = self.v + total**2
        return lr / (1 + (t - 1) * self.h["lr_decay"]) * along / root(self.v, self.h)


class RMSProp(Filter):
    mean: Array | float = 0.0

    def move(self, t, lr, total, along):
        alpha = self.h["alpha"]
        self.v = alpha * self.v + (1 - alpha) * total**2
        variance = self.v
        if self.h["centered"]:
            self.mean = alpha * self.mean + (1 - alpha) * total
            variance = variance - self.mean**2
        self.m = self.h["momentum"] * self.m + along / root(variance, self.h)
        return lr * self.m


class Adadelta(Filter):
    def move(self, t, lr, total, along):
        rho, eps = self.h["rho"], self.h["eps"]
        self.v = rho * self.v + (1 - rho) * total**2
        scale = np.sqrt(self.m + eps) / np.sqrt(self.v + eps)
        self.m = rho * self.m + (1 - rho) * (scale * total) ** 2
        return lr * scale * along


class Adam(Filter):
    largest = 0.0

    def second(self) -> Array:
        return self.v

    def move(self, t, lr, total, along):
        b1, b2 = self.h["beta1"], self.h["beta2"]
        self.m = b1 * self.m + (1 - b1) * along
        self.v = b2 * self.v + (1 - b2) * total**2
        m, v = self.m, self.second()
        if self.h.get("bias_correction", True):
            m, v = m / (1 - b1**t), v / (1 - b2**t)
        return lr * m / root(v, self.h)


class AMSGrad(Adam):
    def second(self):
        self.largest = np.maximum(self.largest, self.v)
        return self.largest


class Adamax(Filter):
    def move(self, t, lr, total, along):
        b1, b2 = self.h["beta1"], self.h["beta2"]
        self.m = b1 * self.m + (1 - b1) * along
        self.v = np.maximum(b2 * self.v, np.abs(total) + self.h["eps"])
        return lr / (1 - b1**t) * self.m / self.v


class NAdam(Filter):
    product = 1.0

    def move(self, t, lr, total, along):
        b1, b2, psi = self.h["beta1"], self.h["beta2"], self.h["momentum_decay"]
        self.m = b1 * self.m + (1 - b1) * along
        self.v = b2 * self.v + (1 - b2) * total**2
        mu, mu_next = (b1 * (1 - 0.5 * 0.96 ** (k * psi)) for k in (t, t + 1))
        self.product *= mu
        ahead = mu_next * self.m / (1 - self.product * mu_next) + (1 - mu) * along / (1 - self.product)
        return lr * ahead / root(self.v / (1 - b2**t), self.h)


class RAdam(Filter):
    def move(self, t, lr, total, along):
        b1, b2 = self.h["beta1"], self.h["beta2"]
        self.m = b1 * self.m + (1 - b1) * along
        self.v = b2 * self.v + (1 - b2) * total**2
        m = self.m / (1 - b1**t)
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)
        if length <= 5:
            return lr * m
        above, below = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
        adaptive = np.sqrt(1 - b2**t) / root(self.v, self.h)
        return lr * m * np.sqrt(above / below) * adaptive


class Lion(Filter):
    def move(self, t, lr, total, along):
        b1, b2 = self.h["beta1"], self.h["beta2"]
        direction = np.sign(b1 * self.m + (1 - b1) * along)
        self.m = b2 * self.m + (1 - b2) * along
        return lr * direction


class Twin:
    """A `Filter` with its decay around it, in the order in which a torch loop would write it."""

    # Whether λ multiplies the schedule's factor alone, as in Loshchilov & Hutter's own convention.
    decay_ignores_lr = False
    coupled = True

    def __init__(self, theta: Array, h: Hyper, kind: type[Filter]):
        self.h = h
        self.whole, self.of_grad, self.of_decay = (kind(theta.shape, h) for _ in range(3))
        if "decoupled_weight_decay" in h:
            self.coupled = not h["decoupled_weight_decay"]

    def look(self, theta: Array) -> Array:
        return theta

    def step(self, theta: Array, g: Array, t: int, lr: float, factor: float) -> Moved:
        decay = self.h.get("weight_decay", 0.0) * (2 if self.h.get("penalty") == "full" else 1)
        if self.coupled:
            total = g + decay * theta
            after = theta - self.whole.move(t, lr, total, total)
            return Moved(
                after,
                self.of_grad.move(t, lr, total, g),
                self.of_decay.move(t, lr, total, decay * theta),
            )
        rate = decay * (factor if self.decay_ignores_lr else self.rate(t, lr))
        if self.h.get("relative_decay"):
            of_all = self.h["relative_decay"] == "norm"
            rate *= max(np.sqrt(np.sum(theta**2) / (1 if of_all else theta.size)), 1e-3)
        moved = self.whole.move(t, lr, g, g)
        if self.h.get("decay_order") == "after":
            after = (theta - moved) * (1 - rate)
        else:
            after = theta * (1 - rate) - moved
        return Moved(after, moved, theta - moved - after)

    def rate(self, t: int, lr: float) -> float:
        """The learning rate that decoupled decay is multiplied by: Adagrad's is scheduled by itself."""
        return lr / (1 + (t - 1) * self.h.get("lr_decay", 0.0))


class Decoupled(Twin):
    coupled = False


class ByFactor(Decoupled):
    decay_ignores_lr = True


class Whole:
    """A rule that looks at its tensor as a whole; λ acts outside the gradient."""

    def __init__(self, theta: Array, h: Hyper):
        self.h = h
        self.m, self.v = np.zeros(theta.shape), np.zeros(theta.shape)

    def look(self, theta: Array) -> Array:
        return theta

    def moments(self, g: Array) -> None:
        b1, b2 = self.h["beta1"], self.h["beta2"]
        self.m = b1 * self.m + (1 - b1) * g
        self.v = b2 * self.v + (1 - b2) * g**2


class Lamb(Whole):
    def step(self, theta, g, t, lr, factor):
        self.moments(g)
        m, v = self.m, self.v
        if self.h["bias_correction"]:
            m, v = m / (1 - self.h["beta1"] ** t), v / (1 - self.h["beta2"] ** t)
        adam = m / root(v, self.h)
        update = adam + self.h["weight_decay"] * theta
        size, length = np.linalg.norm(theta), np.linalg.norm(update)
        trust = size / length if size > 0 and length > 0 else 1.0
        return Moved(
            theta - lr * trust * update, lr * trust * adam, lr * trust * self.h["weight_decay"] * theta
        )


class Adafactor(Whole):
    """Shazeer & Stern 2018 with the factors of a matrix kept as one outer product of sums."""

    def step(self, theta, g, t, lr, factor):
        h = self.h
        old = 1 - t ** h["beta2_decay"]
        if t == 1:
            self.rows, self.columns = np.zeros(g.shape[:-1]), np.zeros((*g.shape[:-2], *g.shape[-1:]))
        if g.ndim > 1:
            self.rows = old * self.rows + (1 - old) * np.mean(g**2, axis=-1)
            self.columns = old * self.columns + (1 - old) * np.mean(g**2, axis=-2)
            mean = np.maximum(np.mean(self.rows, axis=-1), h["eps1"])
            v = np.einsum("...i,...j,...->...ij", self.rows, self.columns, 1 / mean)
        else:
            v = self.v = old * self.v + (1 - old) * g**2
        u = g / np.sqrt(np.maximum(v, h["eps1"] ** 2))
        u = u / max(1.0, np.sqrt(np.mean(u**2)) / h["d"])
        moved = max(h["eps2"], np.sqrt(np.mean(theta**2))) * min(lr, 1 / np.sqrt(t)) * u
        return Moved(theta * (1 - lr * h["weight_decay"]) - moved, moved, lr * h["weight_decay"] * theta)


class Muon(Whole):
    def step(self, theta, g, t, lr, factor):
        h = self.h
        beta = h["momentum"]
        self.m = beta * self.m + (1 - beta) * g
        along = (1 - beta) * g + beta * self.m if h["nesterov"] else self.m
        matrix = along.reshape(len(along), -1) if along.ndim > 1 else along.reshape(1, -1)
        rows, columns = matrix.shape
        size = (
            max(1, g.shape[-2] / g.shape[-1] if g.ndim == 4 else rows / columns) ** 0.5
            if h["adjust_lr_fn"] == "original"
            else 0.2 * max(rows, columns) ** 0.5
        )
        moved = lr * size * newton_schulz(matrix, h["ns_steps"], h["eps"]).reshape(g.shape)
        return Moved(theta * (1 - lr * h["weight_decay"]) - moved, moved, lr * h["weight_decay"] * theta)


def newton_schulz(matrix: Array, steps: int, eps: float) -> Array:
    """The quintic applied to the singular values themselves, which the iteration never computes."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    s = s / max(np.linalg.norm(matrix), eps)
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u * s @ vt


class ScheduleFreeAdamW(Whole):
    """Defazio et al. 2024 with all three of x, y and z, and x's two parts averaged by themselves."""

    def __init__(self, theta, h):
        super().__init__(theta, h)
        self.z, self.total, self.largest = theta.copy(), 0.0, 0.0
        self.z_parts, self.x_parts = np.zeros((2, *theta.shape)), np.zeros((2, *theta.shape))

    def look(self, theta):
        return (1 - self.h["beta1"]) * self.z + self.h["beta1"] * theta

    def step(self, theta, g, t, lr, factor):
        y, b2 = self.look(theta), self.h["beta2"]
        self.v = b2 * self.v + (1 - b2) * g**2
        of_grad = lr * g / root(self.v / (1 - b2**t), self.h)
        of_decay = lr * self.h["weight_decay"] * y
        self.z = self.z - of_grad - of_decay
        self.z_parts = self.z_parts + np.stack((of_grad, of_decay))
        self.largest = max(self.largest, lr)  # weight = lr_max ** weight_lr_power in the authors' code
        self.total += self.largest**2
        c = self.largest**2 / self.total
        before, self.x_parts = self.x_parts, (1 - c) * self.x_parts + c * self.z_parts
        return Moved((1 - c) * theta + c * self.z, *(self.x_parts - before))


class Adam8bit(Whole):
    """Adam with both averages rounded, block by block, to the nearest of 256 values; nearest by search."""

    def step(self, theta, g, t, lr, factor):
        h = self.h
        self.moments(g)
        moved = lr * (self.m / (1 - h["beta1"] ** t)) / root(self.v / (1 - h["beta2"] ** t), h)
        if theta.size >= h["min_8bit_size"]:
            self.m = rounded(self.m, code_values(signed=True), h["block_size"])
            self.v = rounded(self.v, code_values(signed=False), h["block_size"])
        return Moved(theta * (1 - lr * h["weight_decay"]) - moved, moved, lr * h["weight_decay"] * theta)


class FromTorch:
    """torch's own optimizer in the shape of a twin; it knows nothing of parts."""

    def __init__(self, case: Case, theta: Array):
        self.parameter = torch.nn.Parameter(torch.tensor(theta))
        self.optimizer = case.rule.reference([self.parameter], **case.hyper)

    def look(self, theta: Array) -> Array:
        return theta

    def step(self, theta: Array, g: Array, t: int, lr: float, factor: float) -> Moved:
        self.optimizer.param_groups[0]["lr"] = lr
        self.parameter.grad = torch.as_tensor(g)
        # Some scalars, such as NAdam's product of momenta, are kept in the default dtype.
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        self.optimizer.step()
        torch.set_default_dtype(before)
        return Moved(self.parameter.detach().numpy().copy())


def code_values(*, signed: bool) -> Array:
    """The dynamic code read bit by bit: sign?, zeros, a one, and a fraction of the decade in what is left."""
    values = {0.0, 1.0}
    for zeros in range(7):
        bits = (6 if signed else 7) - zeros
        for i in range(2**bits):
            size = 10.0**-zeros * (0.1 + 0.9 * (i + 0.5) / 2**bits)
            values |= {size, -size} if signed else {size}
    return np.array(sorted(values))


def rounded(x: Array, code: Array, block_size: int) -> Array:
    flat = x.reshape(-1).copy()
    for start in range(0, flat.size, block_size):
        block = flat[start : start + block_size]
        scale = np.abs(block).max()
        if scale > 0:
            nearest = np.abs(block[:, None] / scale - code[None, :]).argmin(axis=1)
            flat[start : start + block_size] = code[nearest] * scale
    return flat.reshape(x.shape)


_FILTERS: dict[str, tuple[type[Twin], type[Filter]]] = {
    "sgd": (Twin, HeavyBall),
    "sgd_l2": (Twin, HeavyBall),
    "sgdw": (Decoupled, HeavyBall),
    "momentum": (Twin, HeavyBall),
    "nesterov": (Twin, NesterovBall),
    "adagrad": (Twin, Adagrad),
    "rmsprop": (Twin, RMSProp),
    "adadelta": (Twin, Adadelta),
    "adam": (Twin, Adam),
    "adam_l2": (Twin, Adam),
    "adamw": (Decoupled, Adam),
    "adamw_lh": (ByFactor, Adam),
    "amsgrad": (Twin, AMSGrad),
    "adamax": (Twin, Adamax),
    "nadam": (Twin, NAdam),
    "radam": (Twin, RAdam),
    "lion": (Decoupled, Lion),
}
_WHOLE: dict[str, type[Whole]] = {
    "lamb": Lamb,
    "adafactor": Adafactor,
    "muon": Muon,
    "schedule_free_adamw": ScheduleFreeAdamW,
    "adam8bit": Adam8bit,
}


def twin(rule_id: str, theta: Array, hyper: Hyper) -> Any:
    """A fresh twin of the rule for one tensor, or None if none is written here."""
    if rule_id in _FILTERS:
        around, kind = _FILTERS[rule_id]
        return around(theta, hyper, kind)
    return _WHOLE[rule_id](theta, hyper) if rule_id in _WHOLE else None
