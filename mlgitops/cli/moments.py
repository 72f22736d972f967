"""Times on the command line: ISO 8601, in UTC where nothing else is said."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Return the time that ``text`` names; a date is its first moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-11-01 or 2026-11-01T06:00:00Z"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
