"""Block-wise 8-bit numbers: one byte an element, and one scale a block.

The dynamic code (Dettmers et al. 2022, section 2.2) spends its bits where optimizer states need them:
leading zeros count decades below the block's largest value, the bits that are left divide the decade
evenly. So small values keep a small relative error over seven decades. Elements divided by their
block's largest |value| are rounded to the nearest of 256 code values.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from optim_core.arithmetic import Array

DECADES = 7


@lru_cache
def dynamic_code(signed: bool) -> NDArray[np.float64]:
    """The 256 code values in rising order, from −0.993 (signed) or 0 (unsigned) to 1.

    Decade k (from 1 downwards) has 2^(6−k) values, or 2^(7−k) without a sign: the midpoints of equal
    parts of [0.1, 1]·10⁻ᵏ. With a sign, 256 leaves room for one end only: −1 is missing, so that the
    largest value of a block comes out 0.7 % too small if it is negative (as in bitsandbytes).
    """
    bits = DECADES - 1 if signed else DECADES
    decades = [10.0**-k * _midpoints(2 ** (bits - k)) for k in range(DECADES)]
    positive = np.concatenate(decades)
    values = [-positive, positive] if signed else [positive]
    return np.sort(np.concatenate([*values, [0.0, 1.0]]))


def quantize(x: Array, block_size: int, *, signed: bool) -> tuple[Array, Array]:
    """Codes (of x's shape, uint8) and scales (one per block, of x's dtype).

    Blocks are ``block_size`` neighbours in x's flattened order; the last one may be shorter.
    """
    flat = x.reshape(-1)
    scales = _block_maxima(abs(flat), block_size)
    safe = scales + (scales == 0.0)  # an all-zero block is divided by 1
    shares = flat / _spread(safe, flat.shape[0], block_size)
    edges = _table(x, signed)[1]
    if isinstance(x, torch.Tensor):
        return torch.bucketize(shares, edges).to(torch.uint8).reshape(x.shape), scales
    return np.searchsorted(edges, shares).astype(np.uint8).reshape(x.shape), scales


def dequantize(codes: Array, scales: Array, block_size: int, *, signed: bool) -> Array:
    """The values that the codes stand for, in the scales' dtype and the codes' shape."""
    values = _table(scales, signed)[0]
    flat = codes.reshape(-1)
    shares = values[flat.long() if isinstance(flat, torch.Tensor) else flat]
    return (shares * _spread(scales, flat.shape[0], block_size)).reshape(codes.shape)


def _midpoints(parts: int) -> NDArray[np.float64]:
    """The middles of ``parts`` equal parts of [0.1, 1]."""
    ends = np.linspace(0.1, 1.0, parts + 1)
    return (ends[:-1] + ends[1:]) / 2.0


def _block_maxima(sizes: Array, block_size: int) -> Array:
    count = sizes.shape[0]
    block = min(block_size, count)
    missing = -count % block
    if isinstance(sizes, torch.Tensor):
        return torch.nn.functional.pad(sizes, (0, missing)).reshape(-1, block).amax(1)
    return np.pad(sizes, (0, missing)).reshape(-1, block).max(1)


def _spread(scales: Array, count: int, block_size: int) -> Array:
    """Each element's own scale, (count,)."""
    block = min(block_size, count)
    column = scales[:, None]
    if isinstance(scales, torch.Tensor):
        return column.expand(-1, block).reshape(-1)[:count]
    return np.broadcast_to(column, (scales.shape[0], block)).reshape(-1)[:count]


def _table(like: Array, signed: bool) -> tuple[Array, Array]:
    """Code values, and the edges between their ranges, in the library, dtype and device of ``like``."""
    if isinstance(like, torch.Tensor):
        return _tensor_table(signed, like.dtype, like.device)
    values = dynamic_code(signed).astype(like.dtype)
    return values, (values[:-1] + values[1:]) / 2.0


@lru_cache
def _tensor_table(
    signed: bool, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    values = dynamic_code(signed)
    edges = (values[:-1] + values[1:]) / 2.0
    return torch.tensor(values, dtype=dtype, device=device), torch.tensor(edges, dtype=dtype, device=device)
