"""The path of the weights, seen along the two directions in which it extends the most.

Up to 200 snapshots, evenly spaced over the run, are kept in memory: of every weight, or of 20 000
drawn by the seed where there are more (the picture is then that of those weights). Their first two
principal components are computed anew whenever the path is shown: the eigenvectors of the snapshots'
centred Gram matrix, to which each new snapshot adds one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SNAPSHOTS, COORDINATES = 200, 20_000


class WeightPath:
    """Snapshots of ``params`` over a run of ``steps``."""

    def __init__(self, params: Sequence[Tensor], steps: int, seed: int):
        self._params = list(params)
        self.every = max(1, -(-steps // (SNAPSHOTS - 1)))
        total = sum(p.numel() for p in self._params)
        self._sample = None
        if total > COORDINATES:
            drawn = np.random.default_rng(seed).choice(total, COORDINATES, replace=False)
            self._sample = torch.from_numpy(np.sort(drawn)).to(self._params[0].device)
        self._steps: list[int] = []
        self._fresh: list[Tensor] = []
        self._rows = np.empty((0, min(total, COORDINATES)), dtype=np.float32)
        self._first: NDArray[np.float32] | None = None
        self._gram = np.empty((0, 0))
        self._shown = np.empty((0, 2))

    @torch.no_grad()
    def keep(self, step: int) -> None:
        """Keeps a snapshot, on the device, if one is due."""
        if (step % self.every and step > 1) or len(self._steps) == SNAPSHOTS:
            return
        weights = torch.cat([p.detach().reshape(-1).float() for p in self._params])
        self._fresh.append(weights if self._sample is None else weights.index_select(0, self._sample))
        self._steps.append(step)

    def state_dict(self) -> dict[str, Any]:
        """What is kept. Snapshots that are not in the Gram matrix yet stay apart: taken in with others, or
        alone, they would round otherwise."""
        arrays = {name: torch.from_numpy(getattr(self, f"_{name}")) for name in ("rows", "gram", "shown")}
        first = None if self._first is None else torch.from_numpy(self._first)
        return {"steps": list(self._steps), "fresh": list(self._fresh), "first": first, **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self._params[0].device
        self._steps = list(state["steps"])
        self._fresh = [snapshot.to(device) for snapshot in state["fresh"]]
        self._first = None if state["first"] is None else state["first"].numpy()
        self._rows, self._gram, self._shown = (state[name].numpy() for name in ("rows", "gram", "shown"))

    def columns(self) -> dict[str, NDArray[np.float32]]:
        """One row: ``path_step``, ``path_x``, ``path_y`` (1, 200), NaN at the end; ``path_share`` (1, 2).

        ``path_share`` is the part of all variance that each direction has. Signs are chosen so that the
        picture does not flip from one time to the next. Nothing before there are two snapshots.
        """
        self._take_in()
        if len(self._steps) < 2 or not np.isfinite(self._gram).all():
            return {}
        centred = self._gram - self._gram.mean(0) - self._gram.mean(1)[:, None] + self._gram.mean()
        values, vectors = np.linalg.eigh(centred)
        along = vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0.0))  # (snapshots, 2)
        before = self._shown - self._shown.mean(0) if len(self._shown) else along
        along = along * np.where((along[: len(before)] * before).sum(0) < 0.0, -1.0, 1.0)
        self._shown = along
        share = np.maximum(values[:-3:-1], 0.0) / max(float(np.trace(centred)), 1e-300)
        padded = np.full((3, 1, SNAPSHOTS), np.nan, dtype=np.float32)
        padded[:, 0, : len(along)] = [self._steps, along[:, 0], along[:, 1]]
        return {
            "path_step": padded[0],
            "path_x": padded[1],
            "path_y": padded[2],
            "path_share": share[None].astype(np.float32),
        }

    def _take_in(self) -> None:
        """Moves new snapshots to the host, and the Gram matrix along."""
        if not self._fresh:
            return
        new = torch.stack(self._fresh).cpu().numpy()
        self._fresh.clear()
        if self._first is None:
            self._first = new[0].copy()
        new -= self._first  # small differences of large weights would drown in the products
        known = len(self._rows)
        self._rows = np.concatenate((self._rows, new))
        products = (self._rows @ new.T).astype(np.float64)  # (all, new)
        gram = np.empty((len(self._rows), len(self._rows)))
        gram[:known, :known] = self._gram
        gram[:, known:] = products
        gram[known:, :] = products.T
        self._gram = gram
