"""The texts of the pages by id (``explore.hint``), one file a language."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from markupsafe import Markup

Translate = Callable[..., Markup]


@cache
def translation(language: str = "en", root: str = "") -> Translate:
    """``text("login.title")``: the text of an id, with the named values put in and escaped.

    ``root`` is what the paths of this server begin with.
    """
    tables = tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text("utf-8"))
    texts = {
        f"{table}.{name}": Markup(text.replace('href="/', f'href="{root}/'))  # noqa: S704 (ours, not a visitor's)
        for table, own in tables.items()
        for name, text in own.items()
    }

    def text(id: str, **values: str) -> Markup:
        return texts[id].format(**values) if values else texts[id]

    return text
