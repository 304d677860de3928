"""What all tests of the library share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run beside each other; threads of small models would only wait for each other."""
    torch.set_num_threads(1)
