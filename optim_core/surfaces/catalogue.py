"""The built-in surfaces by id, and whatever else stands for a landscape."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim_core.declare.errors import InvalidInput
from optim_core.declare.registry import lookup
from optim_core.surfaces.classics import CLASSICS
from optim_core.surfaces.kind import Surface
from optim_core.surfaces.landscape import Landscape, formula_landscape
from optim_core.surfaces.lessons import LESSONS

__all__ = ["Surface", "as_landscape", "surface", "surfaces", "thumbnail"]

_DECLARED = (*LESSONS, *CLASSICS)
_BY_ID: Mapping[str, Surface] = MappingProxyType({surface.id: surface for surface in _DECLARED})
assert len(_BY_ID) == len(_DECLARED), "two surfaces share an id"


def surfaces() -> Mapping[str, Surface]:
    """Every built-in surface by id; the first is the default scene."""
    return _BY_ID


def surface(id: str, /, **params: Any) -> Landscape:
    """The surface ``id`` with these settings: ``surface("bowl", condition=30, offset_x=2)``.

    Raises InvalidInput for an unknown id (code ``unknown_surface``) or a setting out of bounds.
    """
    return lookup(_BY_ID, id, "surface").at(**params)


def as_landscape(thing: object) -> Landscape:
    """A Landscape as it is; a Surface or its id with default settings; or the text of a formula.

    Raises InvalidInput: code ``unknown_surface`` for a word or anything else that is none of these,
    the formula's own error for a text that is more than a word.
    """
    if isinstance(thing, Landscape):
        return thing
    if isinstance(thing, Surface):
        return thing.at()
    near: list[str] = []
    if isinstance(thing, str):
        if thing in _BY_ID:
            return _BY_ID[thing].at()
        try:
            return formula_landscape(thing)
        except InvalidInput:
            if not re.fullmatch(r"[A-Za-z][\w -]{2,40}", thing):  # more than a word: meant as a formula
                raise
            near = difflib.get_close_matches(thing.lower(), _BY_ID, 1)
    shown = repr(thing) if isinstance(thing, str) else type(thing).__name__
    raise InvalidInput(
        f"there is no surface {shown}; known: {', '.join(_BY_ID)}.",
        code="unknown_surface",
        field="surface",
        hint=f"Did you mean {near[0]}?" if near else "Choose one of these, or write a formula in x and y.",
    )


@lru_cache(maxsize=256)
def thumbnail(surface: Surface, n: int = 32) -> NDArray[np.uint8]:
    """A small picture (n, n) of the heights: 0 lowest, 255 highest or undefined, first row at the top.

    Heights are replaced by their ranks, so that features show at every scale.
    """
    _, _, z = surface.at().grid(n_x=n, n_y=n)
    heights = np.where(np.isnan(z), np.inf, z)[::-1]
    levels, rank = np.unique(heights, return_inverse=True)
    picture = (rank.reshape(n, n) * 255 // max(len(levels) - 1, 1)).astype(np.uint8)
    picture.flags.writeable = False  # it is shared
    return picture
