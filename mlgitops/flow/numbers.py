"""Numbers as they are recorded."""

from __future__ import annotations

from typing import Final

# Enough for any reader, and few enough that recomputing gives the same text.
DECIMALS: Final = 9


def rounded(value: float) -> float:
    """Return ``value`` as it is recorded."""
    return round(float(value), DECIMALS)
