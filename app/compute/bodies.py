"""The frames that producers send, read and checked; what is large, where nobody else waits."""

from __future__ import annotations

import orjson

from app.settings import Limits
from app.store.check import check_frame
from optim_core.declare.errors import InvalidInput
from optim_core.transport.frames import Frame


def frames(content: bytes, run: str, limits: Limits) -> list[Frame]:
    """The frames in a body; raises InvalidInput."""
    try:
        given = orjson.loads(content)["frames"]
        assert isinstance(given, list)
    except (orjson.JSONDecodeError, TypeError, KeyError, AssertionError):
        raise InvalidInput('expected {"frames": [frame, …]}.', code="bad_frame", field="frames") from None
    found = []
    for index, item in enumerate(given):
        try:
            frame = Frame.from_json(item)
            limits.check("columns", len(frame.columns), "columns", "columns")
            check_frame(frame, run)
        except InvalidInput as error:
            raise error.within(f"frames.{index}") from None
        found.append(frame)
    return found
