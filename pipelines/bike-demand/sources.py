"""Where the rows come from: the log of hourly rides in Washington, DC."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

# A day's rides and weather are published once the day is over in Washington: at 05:00 UTC.
PUBLISHED = timedelta(days=1, hours=5)


def rides(*, log: Path, as_of: datetime) -> pd.DataFrame:
    """Return the hours published by ``as_of`` (UTC): time (local), count, tmin, tmax, rain.

    The weather (°C, mm) is the day's, the same in all its hours. There is no gap, nothing missing.
    """
    hours = pd.read_csv(log)
    published = pd.to_datetime(hours["time"].str[:10], utc=True) + PUBLISHED
    return hours[published <= as_of].reset_index(drop=True)
