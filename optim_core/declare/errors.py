"""The one error that bad input raises anywhere in the library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InvalidInput(ValueError):
    """Input that cannot be used: says what came, what is allowed and what to do.

    ``code`` is a stable word for programs, ``field`` the path of the offending value
    (``"hyper.lr"``), ``hint`` what to do about it.
    """

    def __init__(self, message: str, *, code: str = "invalid", field: str = "", hint: str = ""):
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message}" + (f" {self.hint}" if self.hint else "")

    def within(self, prefix: str) -> InvalidInput:
        """The same error with its field path put below ``prefix``."""
        path = f"{prefix}.{self.field}" if self.field else prefix
        return InvalidInput(self.message, code=self.code, field=path, hint=self.hint)


@contextmanager
def at(path: str) -> Iterator[None]:
    """Puts the field of an InvalidInput that comes up inside below ``path``."""
    try:
        yield
    except InvalidInput as error:
        raise error.within(path) from None
