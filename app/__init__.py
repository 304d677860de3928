"""The web application: parses, calls optim_core, answers."""

from __future__ import annotations


def package_version() -> str:
    """The installed version; "dev" in a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("optimscope")
    except PackageNotFoundError:
        return "dev"
