"""Plotly's own script, from the installed package, taken out of the functions that it runs in.

The package has one script of 4.8 MB whose code stands in a function that stands in a function, and
starts from inside both. A browser reads such functions anew when they are called, and once more each
when an error inside is noted while developer tools (or a browser test) look on: half a second of a
first visit. Here the outer one is left away, and what the inner one would have called is called when
the script has ended. Chromium 156 on two cores has Plotly ready 0.6 s after the start of a page that
has nothing else, instead of 0.75 s (1.15 s with tools), and from its cache in 0.15 s as before. (As
an ES module it would be as fast at first, but Chromium keeps no compiled form of a streamed module.)
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

_WRAPPED = re.compile(
    r"(?P<notice>/\*\*.*?\*/)\s*\(\s*function\(root, factory\) \{.*?\(\) => \{\s*"
    r'(?P<code>"use strict";\s*var Plotly=\(\(\)=>\{.*?return [\w$]+)\(\);\}\)\(\);\s*'
    r"(?P<notices>(?:/\*(?:(?!\*/).)*\*/\s*)*)window\.Plotly = Plotly;\s*return Plotly;\s*\}\)\);\s*",
    re.DOTALL,
)


def plotly_script() -> str:
    """What a page loads; it makes ``Plotly`` global."""
    found = importlib.util.find_spec("plotly")  # without importing the package
    assert found
    assert found.origin
    return unwrapped((Path(found.origin).parent / "package_data" / "plotly.min.js").read_text())


def unwrapped(script: str) -> str:
    """The script as told above; as it is where it has another form."""
    found = _WRAPPED.fullmatch(script)
    if not found:
        return script
    start = "queueMicrotask(() => { Plotly = Plotly(); });"
    return f"{found['notice']}\n{found['code']}}})();\n{start}\n{found['notices']}"
