"""What the server tells of itself: lines for people or JSON objects for programs, and never a secret."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable
from urllib.parse import quote

from pythonjsonlogger.orjson import OrjsonFormatter

from app.settings import Settings

HIDDEN = "[hidden]"
MOST_KINDS = 1_000  # of lines that `Rarely` remembers
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_IN_ADDRESS = re.compile(r"(?i)([?&]token=)[^&\s\"'\\]+")


class Discreet(logging.Formatter):
    """Another formatter's text, traces included, without the secrets that it may quote."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]):
        super().__init__()
        self._inner = inner
        spellings = {
            spelling
            for secret in secrets
            if secret
            for spelling in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])
        }
        self._secrets = sorted(spellings, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = _IN_ADDRESS.sub(rf"\1{HIDDEN}", self._inner.format(record))
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class Rarely(logging.Filter):
    """Lets each line of the libraries pass once a minute: who makes them come often fills no disk."""

    def __init__(self, seconds: float = 60.0):
        super().__init__()
        self._seconds = seconds
        self._passed: dict[str, tuple[float, int]] = {}  # when, and how many were held back since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("optimscope"):
            return True
        now = time.monotonic()
        then, held = self._passed.get(key := f"{record.name} {record.msg}"[:200], (-self._seconds, 0))
        if now - then < self._seconds:
            self._passed[key] = then, held + 1
            return False
        if held:
            record.msg = f"{record.msg} (and {held} more like this)"
        if len(self._passed) > MOST_KINDS:
            self._passed.clear()
        self._passed[key] = now, 0
        return True


class OneLine(logging.Formatter):
    """Text whose messages hold no control characters: what a visitor sends writes no lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = _CONTROL.sub(lambda found: repr(found[0])[1:-1], record.message)
        return super().formatMessage(record)


def configure(settings: Settings) -> None:
    """Sends every logger of this process, uvicorn's too, to standard error in the form that is set."""
    if settings.log_format == "json":
        fields = {"asctime": "time", "levelname": "level", "name": "logger"}
        inner: logging.Formatter = OrjsonFormatter(
            "{asctime}{levelname}{name}{message}", style="{", rename_fields=fields
        )
    else:
        inner = OneLine("{asctime} {levelname:<7} {message}", style="{")
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet(inner, [settings.token, settings.instructor_token]))
    handler.addFilter(Rarely())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("optimscope").setLevel(settings.log_level.upper())
