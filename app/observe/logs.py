"""What the server tells of itself: lines for people or JSON objects for programs, and never a secret."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote

from pythonjsonlogger.orjson import OrjsonFormatter

from app.settings import Settings

HIDDEN = "[hidden]"
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


def configure(settings: Settings) -> None:
    """Sends every logger of this process, uvicorn's too, to standard error in the form that is set."""
    if settings.log_format == "json":
        fields = {"asctime": "time", "levelname": "level", "name": "logger"}
        inner: logging.Formatter = OrjsonFormatter(
            "{asctime}{levelname}{name}{message}", style="{", rename_fields=fields
        )
    else:
        inner = logging.Formatter("{asctime} {levelname:<7} {message}", style="{")
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet(inner, [settings.token, settings.instructor_token]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("optimscope").setLevel(settings.log_level.upper())
