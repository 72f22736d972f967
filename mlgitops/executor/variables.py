"""``${NAME}`` in a spec: the value of an environment variable, known to the worker alone."""

from __future__ import annotations

import os

from mlgitops.core.variables import VARIABLE


def expanded(text: str) -> str:
    """Return ``text`` with the values in place of the names; KeyError for one that is not set."""
    return VARIABLE.sub(lambda match: os.environ[match[1]].strip(), text)
