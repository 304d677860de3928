"""Flags made from declarations, and texts that stand for settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from optim_core.declare.kinds import Setting


def option_of(setting: Setting, group: str, prefix: str) -> click.Option:
    """A flag for one declared setting; the declaration checks the value."""
    from optim_core.declare.kinds import Choice, Flag, Integer

    kind, name = setting.kind, prefix + setting.name.replace("_", "-")
    text = f"{kind.label}: {kind.help}  [default: {setting.default}]"
    target = f"{group}_{setting.name}"
    if isinstance(kind, Flag):
        return click.Option([target, f"--{name}/--no-{name}"], default=None, help=text)
    if isinstance(kind, Choice):
        return click.Option([target, f"--{name}"], type=click.Choice(list(kind.options)), help=text)
    return click.Option([target, f"--{name}"], type=int if isinstance(kind, Integer) else float, help=text)


def plan_of(text: str) -> dict[str, Any]:
    """``cosine:end=0.1,warmup_steps=20`` as the schedule's settings."""
    name, _, settings = text.partition(":")
    plan: dict[str, Any] = {"id": name}
    for part in filter(None, settings.split(",")):
        key, _, value = part.partition("=")
        try:
            plan[key.strip()] = float(value)
        except ValueError:
            raise click.UsageError(f"schedule: got {part!r}, expected name=number.") from None
    return plan
