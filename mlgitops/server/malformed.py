"""A body that the strict parser refuses: find the place, to name it."""

from __future__ import annotations

import json
import math
import re

from mlgitops.server.tensors import BadRequest


def unreadable(text: bytes, error: Exception) -> BadRequest:
    """Say what cannot be read, by the input's name where there is one.

    The slow way round through a lax parser, only to name the place: NaN is no JSON, and the strict
    parser knows its byte but not its field. Nothing that is read here is ever answered.
    """
    loose: object = None
    try:
        loose = json.loads(text)
    except (ValueError, RecursionError):
        return BadRequest(f"the body is not a JSON request: {error}")
    names = _names(loose)
    for name, data in names:
        for row, value in enumerate(data if isinstance(data, list) else ()):
            number = value[0] if isinstance(value, list) and len(value) == 1 else value
            if isinstance(number, float) and not math.isfinite(number):
                told = f"expected a finite number, got {number} (missing is written null)"
                return BadRequest(f"input {name!r:.62}, row {row}: {told}")
    place = re.search(r"`\$\.inputs\[(\d+)\]", str(error))
    if place is not None and int(place[1]) < len(names):
        return BadRequest(f"input {names[int(place[1])][0]!r:.62}: {error}")
    return BadRequest(f"the body is not an inference request: {error}")


def _names(message: object) -> list[tuple[object, object]]:
    """Return name and data of each input of a message of unknown form."""
    inputs = message.get("inputs") if isinstance(message, dict) else None
    return [
        (one.get("name"), one.get("data")) if isinstance(one, dict) else (None, None)
        for one in (inputs if isinstance(inputs, list) else ())
    ]
