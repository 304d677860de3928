"""The version of this installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version; "dev" in a checkout that is not installed."""
    try:
        return version("optimscope")
    except PackageNotFoundError:
        return "dev"
