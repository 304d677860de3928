"""Pages get their texts by id; a template has none of its own, and no text is there in vain."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jinja2
import pytest

from app.locale import translation

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").glob("*.html"))
TABLES = tomllib.loads((ROOT / "app/locale/en.toml").read_text("utf-8"))
IDS = {f"{table}.{name}" for table, texts in TABLES.items() for name in texts}
NAMES = {"Optimscope"}  # are the same in every language


def words(template: str) -> list[str]:
    """What a visitor would read that stands in the template itself."""
    text = re.sub(r"{% block (page|body_attributes) %}.*?{% endblock %}", " ", template)  # a class, no text
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", text, flags=re.DOTALL)
    attributes = re.findall(r'(?:aria-label|title|placeholder|content)="([^"]*)"', text)
    text = re.sub(r"<[^>]*>", " ", text)
    found = re.findall(r"[A-Za-z]{2,}", " ".join([text, *attributes]))
    return [word for word in found if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_holds_no_text_of_its_own(path: Path) -> None:
    assert set(words(path.read_text())) <= {"width", "device", "initial", "scale"}  # of the viewport


def test_every_text_is_used_and_every_id_is_known() -> None:
    source = "\n".join(path.read_text() for path in TEMPLATES)
    used = set(re.findall(r"""text\(["']([\w.]+\w)["']""", source))
    used |= {f"base.{page}" for page in re.findall(r'\("/\w*", "(\w+)"\)', source)}
    used |= {f"not_found.{kind}{part}" for kind in ("page", "run") for part in ("", "_title", "_link")}
    assert used == IDS


def test_values_are_escaped_and_texts_may_hold_markup() -> None:
    text = translation()
    assert text("base.you", visitor="<b>") == "You are &lt;b&gt; here."
    page = jinja2.Environment(autoescape=True).from_string("{{ text('login.everybody') }}")
    assert "<code>?token=…</code>" in page.render(text=text)
    with pytest.raises(KeyError, match=re.escape("login.nothing")):
        text("login.nothing")
