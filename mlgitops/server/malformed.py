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
    inputs = _inputs(loose)
    for name, data in inputs:
        for row, value in enumerate(data if isinstance(data, list) else ()):
            number = value[0] if isinstance(value, list) and len(value) == 1 else value
            if isinstance(number, float) and not math.isfinite(number):
                told = f"expected a finite number, got {number} (missing is written null)"
                return BadRequest(f"input {name}, row {row}: {told}")
    place = re.search(r"`\$\.inputs\[(\d+)\]", str(error))
    if place is not None and int(place[1]) < len(inputs):
        return BadRequest(f"input {inputs[int(place[1])][0]}: {error}")
    return BadRequest(f"the body is not an inference request: {error}")


def _inputs(message: object) -> list[tuple[str, object]]:
    """Return name (or number) and data of each input of a message of unknown form."""
    inputs = message.get("inputs") if isinstance(message, dict) else None
    found: list[tuple[str, object]] = []
    for number, one in enumerate(inputs if isinstance(inputs, list) else ()):
        known = one if isinstance(one, dict) else {}
        name = known.get("name")
        shown = f"{name!r:.62}" if isinstance(name, str) else f"number {number}"
        found.append((shown, known.get("data")))
    return found
