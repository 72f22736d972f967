"""One row a flight, with what is known two hours before it should leave."""

from __future__ import annotations

import pandas as pd

import outcomes

NOTICE = pd.Timedelta(hours=2)
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]


def build(
    flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return ``train`` and ``test``: the last month of ``flights`` is held out.

    Columns: flight_id, late (the target: 0 or 1), the model's features (see model.yaml), and
    airline: the carrier, by which the model's errors are looked at, the small ones taken together
    (31 flights of one carrier in a month decide nothing).
    """
    rows = flights.assign(observed=pd.to_datetime(flights["time_hour"], utc=True) - NOTICE)
    # Of the whole schedule: at this time nobody knows which flights will be cancelled.
    rows["traffic"] = rows.groupby(["origin", "time_hour"])["flight"].transform("size")
    rows = rows[rows["arr_delay"].notna()]
    rows = rows.merge(
        weather.assign(observed=pd.to_datetime(weather["time_hour"], utc=True)),
        on=["origin", "observed"],
        how="left",
        validate="many_to_one",
        suffixes=("", "_weather"),
    )
    register = planes.rename(columns={"year": "built"})
    rows = rows.merge(register, on="tailnum", how="left", validate="many_to_one")

    numbers = rows[[*WEATHER, "distance", "seats", "traffic"]].assign(
        departure=_minutes(rows["sched_dep_time"]),
        arrival=_minutes(rows["sched_arr_time"]),
        weekday=pd.to_datetime(rows[["year", "month", "day"]]).dt.day_of_week,
        plane_age=rows["year"] - rows["built"],
    )
    # One plane in seven is in no register. ONNX strings know no null: the gap gets a name.
    words = rows[["carrier", "origin", "dest", "manufacturer", "engine"]].fillna("missing")
    # ONNX computes in float32: what the model learns from must be what it will be asked with.
    frame = pd.concat([words, numbers.astype("float32")], axis=1).assign(
        flight_id=outcomes.flight_id(rows),
        late=outcomes.late(rows),
        airline=words["carrier"].where(_share(words["carrier"]) >= 0.01, "other"),
    )
    held_out = rows["month"] == rows["month"].max()
    return {
        "train": frame[~held_out].reset_index(drop=True),
        "test": frame[held_out].reset_index(drop=True),
    }


def _share(values: pd.Series) -> pd.Series:
    """Return for each row how large a share of all rows has its value."""
    return values.map(values.value_counts(normalize=True))


def _minutes(clock: pd.Series) -> pd.Series:
    """Return the minutes since midnight of times written as 1545."""
    return clock // 100 * 60 + clock % 100
