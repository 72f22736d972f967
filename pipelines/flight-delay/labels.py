"""The truth that arrives later: which flights really were late."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

import outcomes
import sources


def arrivals(*, as_of: datetime) -> pd.DataFrame:
    """Return flight_id and late (0 or 1) of every flight that had arrived by ``as_of`` (UTC)."""
    flights = sources.flights(months=list(range(1, 13)), as_of=as_of)
    arrived = flights[flights["arr_delay"].notna()]
    rows = {"flight_id": outcomes.flight_id(arrived), "late": outcomes.late(arrived)}
    return pd.DataFrame(rows).reset_index(drop=True)
