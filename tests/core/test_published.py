"""Published test functions have their published minima: found, with their value, and told as global."""

from __future__ import annotations

from dataclasses import replace

import pytest
from published import PUBLISHED, Published

from optim_core.surfaces.landscape import formula_landscape

each = pytest.mark.parametrize("function", PUBLISHED, ids=[function.name for function in PUBLISHED])


def test_there_are_enough_and_each_names_its_source():
    assert len(PUBLISHED) >= 40
    assert len({function.name for function in PUBLISHED}) == len(PUBLISHED)
    assert all(function.source.split()[0].strip(",") in ("SB", "JY", "MS", "GA") for function in PUBLISHED)
    assert sum(function.edge for function in PUBLISHED) >= 2


@each
def test_the_published_minima_are_found(function: Published):
    found = replace(formula_landscape(function.formula), box=function.box).minima_in()
    low_x, high_x, low_y, high_y = function.box
    within = 2e-5 * (high_x - low_x + high_y - low_y) + 1e-4  # as many digits as are published
    for x, y in function.minima:
        near = [m for m in found if abs(m.x - x) + abs(m.y - y) < within]
        assert near, (function.name, (x, y), found[:5])
        assert near[0].loss == pytest.approx(function.value, rel=1e-5, abs=6e-5)
        assert near[0].is_global
        assert near[0].edge is function.edge
    assert all(m.loss >= function.value - 6e-5 - 1e-5 * abs(function.value) for m in found)
