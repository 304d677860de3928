"""A folder as a catalogue: every file in it declares one thing, and its name is the id."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from optim_core.declare.errors import InvalidInput

T = TypeVar("T")
V = TypeVar("V")


class Catalogue(Generic[T]):
    """The declarations named ``attribute`` in the modules of ``package``, by module name.

    Files in the folders listed in the environment variable ``extra`` (separated as in PATH) are
    added: this is how somebody's own optimizer joins without touching the package. Loading is lazy
    and loud: a module without a declaration of type ``kind``, or a second one of the same name,
    raises TypeError.
    """

    def __init__(self, package: str, attribute: str, kind: type[T], *, noun: str, extra: str = ""):
        self._package = package
        self._attribute = attribute
        self._kind = kind
        self._noun = noun
        self._extra = extra
        self._loaded: dict[str, T] | None = None

    def all(self) -> Mapping[str, T]:
        """Every declaration, by id, in alphabetical order of ids."""
        if self._loaded is None:
            found: dict[str, T] = {}
            for name, module in self._modules():
                declaration = getattr(module, self._attribute, None)
                if not isinstance(declaration, self._kind):
                    raise TypeError(
                        f"{module.__name__}: needs {self._attribute} = {self._kind.__name__}(...)"
                    )
                if name in found:
                    raise TypeError(f"{module.__name__}: there is already {self._noun} {name!r}")
                named = getattr(declaration, "named", None)
                found[name] = named(name, module) if named else declaration
            self._loaded = dict(sorted(found.items()))
        return self._loaded

    def get(self, name: object) -> T:
        """The declaration with this id; InvalidInput naming the known ids if there is none."""
        return lookup(self.all(), name, self._noun)

    def _modules(self) -> Iterator[tuple[str, ModuleType]]:
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(package.__path__):
            if not found.name.startswith("_"):
                yield found.name, importlib.import_module(f"{self._package}.{found.name}")
        for folder in filter(None, os.environ.get(self._extra, "").split(os.pathsep)):
            for path in sorted(Path(folder).glob("[a-z]*.py")):
                yield path.stem, _load(f"{self._package}.{path.stem}", path)


def lookup(table: Mapping[str, V], name: object, noun: str) -> V:
    """``table[name]``, or InvalidInput that lists what there is."""
    if not isinstance(name, str) or name not in table:
        raise InvalidInput(
            f"there is no {noun} {str(name)[:40]!r}; known: {', '.join(table)}.",
            code=f"unknown_{noun}",
        )
    return table[name]


def _load(name: str, path: Path) -> ModuleType:
    if name in sys.modules:
        raise TypeError(f"{path}: its name is taken by a module that ships with the package")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
