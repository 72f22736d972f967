"""How much work a run may do for advice: who writes ten thousand wrong names gets no hint for all.

To look for the name that was meant costs names times names. The work is counted, not timed, so that
the same files give the same words everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

# About a microsecond each; hundreds of mistakes among as many names fit.
ADVICE: Final = 500_000

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


@contextmanager
def bounded(units: int = ADVICE) -> Iterator[None]:
    """Let all that is done inside spend ``units`` together; outside, nothing is counted."""
    token = _left.set([units])
    try:
        yield
    finally:
        _left.reset(token)


def spend(units: int) -> bool:
    """Count ``units`` of work; False when nothing was left for it."""
    left = _left.get()
    if left is None:
        return True
    left[0] -= units
    return left[0] >= 0
