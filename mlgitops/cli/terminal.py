"""How output reaches a person or a program: JSON, or text that is coloured on a terminal only."""

from __future__ import annotations

import os
import sys

from mlgitops.core.digests import JSON
from mlgitops.report.tables import Paint, ansi, plain, tamed


def paint() -> Paint:
    """Return how words are coloured: not at all in a pipe, nor when NO_COLOR is set."""
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return plain if dull or not sys.stdout.isatty() else ansi


def write_json(value: JSON) -> None:
    """Print one JSON document."""
    from mlgitops.core.digests import document

    sys.stdout.write(document(value).decode())


def write(text: str) -> None:
    """Print a page; nothing for an empty one."""
    if text:
        print(tamed(text.rstrip("\n")))
