"""What is predicted, and of which flight: label and row id, the same in training and later."""

from __future__ import annotations

import pandas as pd

LATE_AFTER = 15  # minutes behind the schedule at the destination


def flight_id(flights: pd.DataFrame) -> pd.Series:
    """Return the unique row id of each flight, like 2013-07-04-UA1545-EWR."""
    date = pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    number = flights["carrier"] + flights["flight"].astype(str)
    return date + "-" + number + "-" + flights["origin"]


def late(flights: pd.DataFrame) -> pd.Series:
    """Return 1 for a flight that arrived more than LATE_AFTER minutes late, else 0."""
    return (flights["arr_delay"] > LATE_AFTER).astype("int64")
