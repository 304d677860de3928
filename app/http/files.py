"""Every file that pages load, from memory, under an address that changes with their contents.

All of static/ and Plotly's own script lie under ``/static/{version}/``, where ``version`` is a hash
of the lot: browsers may keep them forever, and relative imports of modules stay inside one version.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.http.plotly_script import plotly_script

_HERE = Path(__file__).parents[1]  # app
_READY = _HERE / "packed"  # what `app.http.packing` has packed, each named by a hash of its content
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_PACKED = ("text/", "image/svg", "application/json", "application/manifest")
PLOTLY = "plotly.min.js"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;("']*?["'](\.[^"']+)["']""", re.MULTILINE)
FOREVER = "public, max-age=31536000, immutable"


def folder(name: str) -> Path:
    """``static`` or ``templates``: inside the installed package, or at the top of a checkout."""
    installed = _HERE / name
    return installed if installed.is_dir() else _HERE.parent / name


@dataclass
class Asset:
    """One file's bytes; ``packed`` is filled in later by `Assets.compress`."""

    content: bytes
    media_type: str
    packed: bytes = b""


class Assets:
    """The files by address. ``reload`` looks at the folder again for every page (for developers)."""

    def __init__(
        self, static: Path | None = None, *, reload: bool = False, packed: Path = _READY, root: str = ""
    ):
        self._static = static or folder("static")
        self._folder = packed
        self._root = root  # what the addresses begin with
        self._reload = reload
        self._seen: list[tuple[str, int]] = []
        self.refresh()

    def refresh(self) -> None:
        """Reads the files again if any has changed."""
        paths = sorted(path for path in self._static.rglob("*") if path.is_file())
        seen = [(str(path), path.stat().st_mtime_ns) for path in paths]
        if self._seen and seen == self._seen:
            return
        self._seen = seen
        self._files = {
            path.relative_to(self._static).as_posix(): Asset(path.read_bytes(), _media_type(path))
            for path in paths
        }
        self._files[PLOTLY] = _plotly()
        digest = hashlib.blake2b(digest_size=6)
        for name, asset in sorted(self._files.items()):
            digest.update(f"{name}\0{len(asset.content)}\0".encode() + asset.content)
        self.version = digest.hexdigest()

    def url(self, path: str) -> str:
        """The address of one file; KeyError for a file that is not there."""
        if self._reload:
            self.refresh()
        if path not in self._files:
            raise KeyError(f"there is no static file {path!r}")
        return f"{self._root}/static/{self.version}/{path}"

    def imported(self, module: str) -> list[str]:
        """The addresses of all modules that this one imports, and they in turn: to be fetched at once."""
        found, ahead = {module: None}, [module]
        while ahead:
            name = ahead.pop()
            for path in _IMPORT.findall(self._files[name].content.decode()):
                inner = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if inner not in found:
                    found[inner] = None
                    ahead.append(inner)
        return [self.url(name) for name in list(found)[1:]]

    def compress(self) -> None:
        """Packs what packing makes smaller; takes a second, so call it in a thread."""
        for asset in list(self._files.values()):
            if not asset.packed and asset.media_type.startswith(_PACKED):
                ready = self._ready(asset)
                asset.packed = ready.read_bytes() if ready.is_file() else _pack(asset.content)

    def keep_packed(self) -> int:
        """Packs, and writes it where the next `compress` finds it ready; how many files that are."""
        self.compress()
        self._folder.mkdir(exist_ok=True)
        packed = [asset for asset in self._files.values() if asset.packed]
        for asset in packed:
            self._ready(asset).write_bytes(asset.packed)
        return len(packed)

    def _ready(self, asset: Asset) -> Path:
        return self._folder / f"{hashlib.blake2b(asset.content, digest_size=12).hexdigest()}.gz"

    def respond(self, request: Request, version: str, path: str) -> Response | None:
        """The file, or None if there is none of that name in that version."""
        asset = self._files.get(path) if version == self.version else None
        if asset is None:
            return None
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        content = asset.content
        if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = asset.packed, "gzip"
        return Response(content, headers=headers, media_type=asset.media_type)


def _pack(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)


def _media_type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


@cache
def _plotly() -> Asset:
    """One for all servers of this process."""
    return Asset(plotly_script().encode(), _TYPES[".js"])
