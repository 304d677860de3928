"""Arrays and answers as JSON: the one place where numbers that are not finite cross the border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import Depends, Query
from numpy.typing import NDArray

from optim_core.transport.frames import pack


@dataclass(frozen=True)
class ArrayForm:
    """How arrays travel: ``{"dtype", "shape", "bdata"}`` (base64, little-endian), or plain lists."""

    arrays: Literal["bdata", "json"] = "bdata"
    dtype: Literal["f4", "f8"] = "f8"

    def array(self, values: NDArray[Any]) -> dict[str, Any] | list[Any]:
        """Floats in this form, in f8 where f4 would make infinities of finite ones; NaN and infinities
        survive in bdata and become null in lists."""
        cast = values
        if self.dtype == "f4":
            with np.errstate(over="ignore"):
                cast = values.astype(np.float32)
            if bool(np.any(np.isinf(cast) & np.isfinite(values))):
                return ArrayForm(self.arrays, "f8").array(values)
        if self.arrays == "json":
            listed: list[Any] = cast.astype(self.dtype).tolist()
            return listed
        return pack(cast, self.dtype)

    def steps(self, steps: NDArray[np.int64]) -> dict[str, Any] | list[Any]:
        """Whole numbers, exact: in 4 bytes where that is enough for them."""
        if self.arrays == "json":
            listed: list[Any] = steps.tolist()
            return listed
        exact = len(steps) == 0 or int(np.abs(steps).max()) < 2**24
        return ArrayForm("bdata", "f4" if exact else "f8").array(steps)


async def array_form(
    arrays: Annotated[
        Literal["bdata", "json"], Query(description="Arrays as base64 (bdata) or as plain lists (json).")
    ] = "bdata",
    dtype: Annotated[
        Literal["f4", "f8"],
        Query(description="4 or 8 bytes a number; 8 in any array with numbers too large for 4."),
    ] = "f8",
) -> ArrayForm:
    """The form that the query asks for."""
    return ArrayForm(arrays, dtype)


Form = Annotated[ArrayForm, Depends(array_form)]


def to_json(content: object) -> bytes:
    """JSON with null for numbers that are not finite."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
