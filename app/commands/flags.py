"""Flags made from declarations, and texts that stand for settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from optim_core.declare.kinds import Setting


def option_of(setting: Setting, group: str, prefix: str) -> click.Option:
    """A flag for one declared setting; the declaration checks the value."""
    from optim_core.declare.kinds import Choice, Flag, Integer, Text

    kind, name = setting.kind, prefix + setting.name.replace("_", "-")
    text = f"{kind.label}: {kind.help}"
    if setting.default is not None:
        text += f"  [default: {setting.default}]"
    target = f"{group}_{setting.name}" if group else setting.name
    if isinstance(kind, Flag):
        return click.Option([target, f"--{name}/--no-{name}"], default=None, help=text)
    if isinstance(kind, Choice):
        return click.Option([target, f"--{name}"], type=click.Choice(list(kind.options)), help=text)
    number = int if isinstance(kind, Integer) else str if isinstance(kind, Text) else float
    return click.Option([target, f"--{name}"], type=number, help=text)


def schedule_of(text: str) -> dict[str, Any]:
    """``cosine:end=0.1,warmup_steps=20`` as the schedule's settings."""
    name, _, settings = text.partition(":")
    schedule: dict[str, Any] = {"id": name}
    for part in filter(None, settings.split(",")):
        key, _, value = part.partition("=")
        try:
            schedule[key.strip()] = float(value)
        except ValueError:
            raise click.UsageError(f"schedule: got {part!r}, expected name=number.") from None
    return schedule
